"""ASGI entry point, for uvicorn and its gunicorn worker."""

import os

from django.core.asgi import get_asgi_application

from django_project.core.bodies import BoundedBodies

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "django_project.settings")

application = BoundedBodies(get_asgi_application())
