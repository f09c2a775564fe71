"""How gunicorn serves the site: `gunicorn -c deploy/gunicorn.conf.py`, from the project's folder.

The demo and the benchmarks use it as well. It expects a proxy in front that ends TLS, buffers whole requests
and answers, and appends to X-Forwarded-For: gunicorn's threads wait for slow clients otherwise.
"""

import os

wsgi_app = "django_project.wsgi:application"
bind = os.environ.get("CHAINFUND_BIND", "127.0.0.1:8000")
preload_app = True

# Threads of a process take turns with the interpreter: one process more than there are cores, two threads
# each, served most in what docs/architecture.md measured.
workers = int(os.environ.get("WEB_CONCURRENCY", (os.cpu_count() or 1) + 1))
threads = 2
keepalive = 30

# No header becomes a variable of the server. By default gunicorn takes SCRIPT_NAME and PATH_INFO from headers
# of those names, and "Script_Name" is one of them wherever a proxy lets underscores pass.
header_map = "drop"
forwarder_headers = ""
# X-Forwarded-Proto is Django's to read (SECURE_PROXY_SSL_HEADER), from the proxy that the settings know of.
forwarded_allow_ips = ""

# One that answers no request for so long is replaced, and one that is asked to end has as long to finish.
timeout = 30
graceful_timeout = 30
# The heartbeat's file, which is no request's: in memory where there is such a folder.
worker_tmp_dir = "/dev/shm" if os.path.isdir("/dev/shm") else None  # noqa: PTH112, S108
control_socket_disable = True
accesslog = None
