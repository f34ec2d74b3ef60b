"""Django's settings, all of them from gateway/configuration.py. A process gets the parts it needs and no more."""

import sys
from pathlib import Path
from typing import Any

from psycopg.conninfo import conninfo_to_dict

from .configuration import ConfigurationError, read

try:
    CONFIGURATION = read()
    _secret_key = CONFIGURATION.secret_key_file.read_text().strip()
except (ConfigurationError, OSError) as error:
    sys.exit(f"Imprimatur cannot start: {error}")

BASE_DIR = Path(__file__).resolve().parent.parent
PROCESS = CONFIGURATION.process
PEOPLE = PROCESS in ("people", "migrator")

SECRET_KEY = _secret_key
DEBUG = False
ALLOWED_HOSTS = [host.strip() for host in CONFIGURATION.allowed_hosts.split(",") if host.strip()]
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en"
USE_I18N = False
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_USER_MODEL = "gateway.User"

INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    # review before allauth, whose pages it draws anew
    *(["review", "allauth", "allauth.account", "allauth.mfa", "django_htmx"] if PEOPLE else []),
    "gateway",
]

_SECURITY = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
_CLIENTS_MIDDLEWARE = ["gateway.api.access_log.AccessLogMiddleware", *_SECURITY]
_PEOPLE_MIDDLEWARE = [
    *_SECURITY,
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "review.access.SecondFactorMiddleware",
]
MIDDLEWARE = _PEOPLE_MIDDLEWARE if PEOPLE else _CLIENTS_MIDDLEWARE
ROOT_URLCONF = "review.urls" if PEOPLE else "gateway.urls"
WSGI_APPLICATION = "gateway.wsgi.application"
APPEND_SLASH = PEOPLE

TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "gateway.api.workers.in_every_page",
                *(
                    [
                        "django.contrib.auth.context_processors.auth",
                        "django.contrib.messages.context_processors.messages",
                    ]
                    if PEOPLE
                    else []
                ),
            ]
        },
    }
]

# ------- the database: one role a process; the migrator acts as the owner, who cannot log in


def _database() -> dict[str, Any]:
    parts = conninfo_to_dict(CONFIGURATION.database_url)
    options: dict[str, Any] = {
        name: value for name, value in parts.items() if name not in {"dbname", "user", "password", "host", "port"}
    }
    options.setdefault("application_name", f"imprimatur {PROCESS}")
    options.setdefault("connect_timeout", 5)
    if PROCESS == "migrator":
        options["options"] = f"{options.get('options', '')} -c role=imprimatur_owner".strip()
    if PROCESS in ("clients", "people"):
        # After an outage a request tries anew at once, instead of waiting for the pool's own back-off to end.
        options["pool"] = {
            "min_size": 1, "max_size": CONFIGURATION.door_threads + 4, "timeout": 5, "reconnect_timeout": 2,
        }  # fmt: skip
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": parts.get("dbname", ""),
        "USER": parts.get("user", ""),
        "PASSWORD": parts.get("password", ""),
        "HOST": parts.get("host", ""),
        "PORT": parts.get("port", ""),
        "CONN_HEALTH_CHECKS": True,
        "DISABLE_SERVER_SIDE_CURSORS": True,
        "OPTIONS": options,
    }


DATABASES = {"default": _database()}

# ------- people's door: passwords, second factor, sessions

AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.ScryptPasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
]
LOGIN_URL = "/accounts/login/"
LOGIN_REDIRECT_URL = "/review/"
ACCOUNT_LOGOUT_REDIRECT_URL = "/accounts/login/"
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_ADAPTER = "review.access.NoSignUp"
ACCOUNT_REAUTHENTICATION_TIMEOUT = 900
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
MFA_TOTP_ISSUER = "Imprimatur"
SESSION_COOKIE_NAME = "imprimatur_people"
SESSION_COOKIE_AGE = 8 * 3600
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Strict"
SESSION_COOKIE_SECURE = CONFIGURATION.secure_cookies
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
CSRF_COOKIE_NAME = "imprimatur_people_csrf"
CSRF_COOKIE_SAMESITE = "Strict"
CSRF_COOKIE_SECURE = CONFIGURATION.secure_cookies
CSRF_USE_SESSIONS = False
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}

# ------- what browsers are told

SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'"],
        "font-src": ["'self'"],
        "connect-src": ["'self'"],
        "form-action": ["'self'"],
        "base-uri": ["'none'"],
        "frame-ancestors": ["'none'"],
    }
}

STATIC_URL = "/static/"
WHITENOISE_USE_FINDERS = True
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedStaticFilesStorage"},
}

# ------- clients' door

DATA_UPLOAD_MAX_MEMORY_SIZE = CONFIGURATION.max_body_bytes
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["gateway.api.keys.ApiKeyAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["gateway.api.keys.HasScope"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["gateway.api.body.StrictJSONParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "gateway.api.body.IgnoreAccept",
    "EXCEPTION_HANDLER": "gateway.api.errors.problem_response",
    "UNAUTHENTICATED_USER": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Imprimatur",
    "DESCRIPTION": "A gate between a prompt and a published picture.",
    "VERSION": "1",
    "OAS_VERSION": "3.1.1",
    "SERVERS": [{"url": CONFIGURATION.public_url}],
    "SERVE_INCLUDE_SCHEMA": False,
}

# ------- logs: SQLSTATE and constraint, never a driver's message, a prompt, or a key

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": "gateway.logs.JsonFormatter"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
    "root": {"handlers": ["stderr"], "level": "INFO"},
    "loggers": {
        "django": {"handlers": [], "propagate": True, "level": "INFO"},
        "django.db.backends": {"level": "ERROR"},
        "django.request": {"level": "ERROR"},
        "celery.app.trace": {"level": "WARNING"},
        "diffusers": {"level": "ERROR"},
        "transformers": {"level": "ERROR"},
    },
}
