"""Settings. Everything that differs between machines comes from the environment or `.env`.

`docs/configuration.md` lists every variable; `manage.py check` names what is missing or contradictory.
"""

from datetime import timedelta
from pathlib import Path
from typing import Any

import environ
from django.templatetags.static import static
from django.urls import reverse_lazy
from django.utils.text import format_lazy

from circletel.logs import LOGGING  # noqa: F401  (a Django setting)

BASE_DIR = Path(__file__).resolve().parent.parent

env = environ.Env()
environ.Env.read_env(BASE_DIR / ".env")

# Empty is caught by `manage.py check` with a sentence; Django itself refuses to serve with it.
SECRET_KEY = env("DJANGO_SECRET_KEY", default="")
DEBUG = env.bool("DJANGO_DEBUG", default=False)
DEMO = env.bool("CIRCLETEL_DEMO", default=False)
ALLOWED_HOSTS = env.list("DJANGO_ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.list("DJANGO_CSRF_TRUSTED_ORIGINS", default=[])

INSTALLED_APPS = [
    "circletel.apps.FrameConfig",
    "unfold",
    "unfold.contrib.filters",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "django.contrib.humanize",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_celery_beat",
    "axes",
    "csp",
    "django_otp",
    "django_otp.plugins.otp_totp",
    "django_otp.plugins.otp_static",
    "anymail",
    "circletel.core",
    "catalogue",
    "zoho_sync",
    "pricing",
    "reconciliation",
]

MIDDLEWARE = [
    "circletel.health.ProbeMiddleware",
    "circletel.security.policy.ClientAddressMiddleware",
    "circletel.metrics.TimingMiddleware",
    "circletel.replica.ReplicaMiddleware",
    "circletel.core.origin.OriginMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "circletel.security.policy.ContentPolicyMiddleware",
    "django_permissions_policy.PermissionsPolicyMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "catalogue.api.short_way.StorefrontMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django_otp.middleware.OTPMiddleware",
    "circletel.security.trail.PersonMiddleware",
    "circletel.security.second_factor.SecondFactorMiddleware",
    "circletel.core.audit.RefusalMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "circletel.urls"
WSGI_APPLICATION = "circletel.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

DATABASES = {"default": env.db("DATABASE_URL", default="postgres://localhost/circletel")}
DATABASES["default"]["CONN_MAX_AGE"] = 60
DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
# A replica for what the storefront reads; empty: the same database.
if STOREFRONT_DATABASE_URL := env("STOREFRONT_DATABASE_URL", default=""):
    DATABASES["storefront"] = {
        **DATABASES["default"],
        **env.db_url_config(STOREFRONT_DATABASE_URL),
        "TEST": {"MIRROR": "default"},
    }
DATABASE_ROUTERS = ["circletel.replica.ReplicaRouter"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL = env("REDIS_URL", default="redis://localhost:6379/0")
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "circletel",
    }
}

AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]

# Instants are stored in UTC; civil dates and schedules are South African.
TIME_ZONE = "Africa/Johannesburg"
LANGUAGE_CODE = "en"
FORMAT_MODULE_PATH = ["circletel.formats"]

STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
# Serves straight from the packages, so that a fresh clone needs no collectstatic step.
WHITENOISE_USE_FINDERS = True

DATA_UPLOAD_MAX_NUMBER_FIELDS = 20_000

# --- Celery -----------------------------------------------------------------------------------
CELERY_BROKER_URL = REDIS_URL
CELERY_TIMEZONE = TIME_ZONE
CELERY_BEAT_SCHEDULER = "django_celery_beat.schedulers:DatabaseScheduler"
# What was sent is written down at once: a beat that is started again sends nothing twice.
CELERY_BEAT_SYNC_EVERY = 1
CELERY_TASK_IGNORE_RESULT = True
# A message is only a nudge: taken late and lost with its worker, it costs a minute, never a record.
CELERY_TASK_ACKS_LATE = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 600,
    "socket_timeout": 10,
    "socket_connect_timeout": 2,
}
CELERY_TASK_PUBLISH_RETRY_POLICY = {"max_retries": 1, "interval_start": 0, "interval_step": 0.2}
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = False

# --- Zoho -------------------------------------------------------------------------------------
ZOHO_ACCOUNTS_URL = env("ZOHO_ACCOUNTS_URL", default="")
ZOHO_API_URL = env("ZOHO_API_URL", default="")
ZOHO_CLIENT_ID = env("ZOHO_CLIENT_ID", default="")
ZOHO_CLIENT_SECRET = env("ZOHO_CLIENT_SECRET", default="")
ZOHO_REFRESH_TOKEN = env("ZOHO_REFRESH_TOKEN", default="")
ZOHO_BILLING_ORGANIZATION_ID = env("ZOHO_BILLING_ORGANIZATION_ID", default="")

ZOHO_BILLING_CALLS_PER_MINUTE = env.int("ZOHO_BILLING_CALLS_PER_MINUTE", default=30)
ZOHO_BILLING_CALLS_PER_DAY = env.int("ZOHO_BILLING_CALLS_PER_DAY", default=1000)
ZOHO_BILLING_CONCURRENCY = env.int("ZOHO_BILLING_CONCURRENCY", default=5)
# One for each ten records written; the edition says how many there are.
ZOHO_CRM_CREDITS_PER_DAY = env.int("ZOHO_CRM_CREDITS_PER_DAY", default=50_000)

ZOHO_PRICES_INCLUDE_VAT = env.bool("ZOHO_PRICES_INCLUDE_VAT", default=True)
# What a renewal does in this organisation: retain, latest, or unknown until somebody has looked there.
ZOHO_BILLING_RENEWAL_PRICING = env("ZOHO_BILLING_RENEWAL_PRICING", default="unknown")
ZOHO_BILLING_CUSTOM_FIELDS = env.list("ZOHO_BILLING_CUSTOM_FIELDS", default=[])
# The name of South Africa's standard VAT in the organisation, where several taxes have its rate.
ZOHO_BILLING_VAT_NAME = env("ZOHO_BILLING_VAT_NAME", default="Standard Rate")
ZOHO_CRM_FIELD_PREFIX = env("ZOHO_CRM_FIELD_PREFIX", default="ct_")
# An ordinary user's, to try whether people can edit our fields. Never used for anything else.
ZOHO_PROBE_REFRESH_TOKEN = env("ZOHO_PROBE_REFRESH_TOKEN", default="")
# Costs and margins stay in the back office unless somebody decides that CRM is one.
ZOHO_CRM_SEND_COSTS = env.bool("ZOHO_CRM_SEND_COSTS", default=False)
CIRCLETEL_BASE_URL = env("CIRCLETEL_BASE_URL", default="")


# --- Prices -----------------------------------------------------------------------------------
# Civil days in South Africa from the publication of a price change to its effective date, by market segment.
PRICE_NOTICE_DAYS = {
    "consumer": env.int("PRICE_NOTICE_DAYS_CONSUMER", default=60),
    "business": env.int("PRICE_NOTICE_DAYS_BUSINESS", default=60),
}
PRICE_DECREASES_AT_ONCE = env.bool("PRICE_DECREASES_AT_ONCE", default=True)
# Off: a contract says how long a customer stays, not that the price does.
PRICING_FIXED_TERM_HOLDS_PRICE = env.bool("PRICING_FIXED_TERM_HOLDS_PRICE", default=False)
# The label of the subscriptions' custom field in Zoho Billing that holds the last day of a promised price.
PRICING_FIXED_UNTIL_FIELD = env("PRICING_FIXED_UNTIL_FIELD", default="")
# How long names and addresses are kept after a customer's last subscription ended: three years, after which claims lapse.
CUSTOMER_DATA_KEEP_DAYS = env.int("CUSTOMER_DATA_KEEP_DAYS", default=1096)
# Notices of price changes: who sends them, and what every one of them says.
PRICE_NOTICE_FROM = env("PRICE_NOTICE_FROM", default="")
PRICE_NOTICE_REPLY_TO = env.list("PRICE_NOTICE_REPLY_TO", default=[])
PRICE_NOTICE_RIGHT_TO_CANCEL = env(
    "PRICE_NOTICE_RIGHT_TO_CANCEL",
    default="You have the right to cancel: if you do not want to pay the new price, you may end your service"
    " without a cancellation fee. Reply to this message and we will see to it.",
)
# After so many hours without a new list, the mirror of subscriptions is no proof of what is billed.
PRICING_MIRROR_STALE_HOURS = env.int("PRICING_MIRROR_STALE_HOURS", default=30)
# --- Reconciliation ---------------------------------------------------------------------------
# `Description=heal,Product_Name=report`: what becomes of drift in a field, where the mapping says otherwise.
RECONCILIATION_POLICIES = env.dict("RECONCILIATION_POLICIES", default={})
RECONCILIATION_HEAL_PRICES = env.bool("RECONCILIATION_HEAL_PRICES", default=False)
RECONCILIATION_REPORT_RECIPIENTS = env.list("RECONCILIATION_REPORT_RECIPIENTS", default=[])
# --- Alerts -----------------------------------------------------------------------------------
ALERT_EMAILS = env.list("ALERT_EMAILS", default=[])
SLACK_WEBHOOK_URL = env("SLACK_WEBHOOK_URL", default="")
# --- E-mail -----------------------------------------------------------------------------------
RESEND_API_KEY = env("RESEND_API_KEY", default="")
# Signs what Resend tells us of deliveries and bounces.
RESEND_WEBHOOK_SECRET = env("RESEND_WEBHOOK_SECRET", default="")
EMAIL_BACKEND = ""
vars().update(env.email_url("EMAIL_URL", default="consolemail://"))
if RESEND_API_KEY:
    EMAIL_BACKEND = "circletel.core.mail.ResendBackend"
EMAIL_TIMEOUT = 20
ANYMAIL = {"REQUESTS_TIMEOUT": (5, EMAIL_TIMEOUT)}
DEFAULT_FROM_EMAIL = SERVER_EMAIL = env("DEFAULT_FROM_EMAIL", default="catalogue@localhost")

# --- Observing --------------------------------------------------------------------------------
# What a scraper of /metrics bears; empty: staff, and whoever asks from this machine.
METRICS_TOKEN = env("METRICS_TOKEN", default="")
# Where traces go, for example http://collector:4318; empty: nowhere.
OTEL_EXPORTER_OTLP_ENDPOINT = env("OTEL_EXPORTER_OTLP_ENDPOINT", default="")
SENTRY_DSN = env("SENTRY_DSN", default="")

# --- REST -------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework.authentication.SessionAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.DjangoModelPermissions"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_SCHEMA_CLASS": "circletel.core.rest.schema.Schema",
    "EXCEPTION_HANDLER": "catalogue.api.problems.as_problem",
}
SPECTACULAR_SETTINGS = {
    # Several things have a status or a state; each keeps the name of its own choices.
    "ENUM_NAME_OVERRIDES": {
        "ProductStatus": "catalogue.models.ProductStatus",
        "BatchStatus": "catalogue.models.BatchStatus",
        "BatchItemState": "catalogue.models.ItemState",
        "PriceChangeStatus": "pricing.models.PriceChangeStatus",
        "PriceMoveState": "pricing.models.MoveState",
        "PriceMoveHold": "pricing.models.Hold",
        "PriceMoveCohort": "pricing.models.Cohort",
        "PriceMoveVerdict": "pricing.models.Verdict",
        "BatchDeed": "catalogue.batches.KINDS",
        "PriceMoveDeed": "pricing.deciding.Deed",
        "NoticeState": "pricing.models.NoticeState",
        "ReportState": "reconciliation.models.ReportState",
        "ReportScope": "reconciliation.models.Scope",
        "PackageStatus": "catalogue.models.PackageStatus",
    },
    "TITLE": "CircleTel catalogue",
    "DESCRIPTION": "What CircleTel sells today. Money is in rand (ZAR); prices are quoted with VAT included.",
    "VERSION": "1.0.0",
    "OAS_VERSION": "3.1.0",
    # What is only shown is not asked of whoever writes.
    "COMPONENT_SPLIT_REQUEST": True,
    "SORT_OPERATION_PARAMETERS": False,
    "TAGS": [
        {"name": "packages", "description": "What a new customer can order now."},
        {"name": "prices", "description": "What a customer pays, and holding a price."},
        {
            "name": "price changes (staff)",
            "description": "Drafted, published and cancelled by pricing managers.",
        },
        {"name": "operating", "description": "For operators: how Zoho stands, and sending again."},
    ],
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
}

# --- Storefront -------------------------------------------------------------------------------
# `*`, or the origins whose pages may read the storefront from a browser.
STOREFRONT_CORS_ORIGINS = env.list("STOREFRONT_CORS_ORIGINS", default=[])
# `600/minute`: requests from one address; empty means no limit.
STOREFRONT_THROTTLE = env("STOREFRONT_THROTTLE", default="")

# --- TMF620 -----------------------------------------------------------------------------------
# Where this server is reached from outside; in events, and in hrefs when it differs from the request's host.
TMF620_PUBLIC_URL = env("TMF620_PUBLIC_URL", default="")
# Whether events may be sent to addresses that are not public.
TMF620_ALLOW_PRIVATE_ADDRESSES = env.bool("TMF620_ALLOW_PRIVATE_ADDRESSES", default=False)


# --- Admin ------------------------------------------------------------------------------------
def _page(
    title: str, icon: str, app: str, model: str, page: str = "changelist", query: str = ""
) -> dict[str, Any]:
    """One line of the side bar, for those who may see what it leads to."""
    return {
        "title": title,
        "icon": icon,
        "link": format_lazy("{}{}", reverse_lazy(f"admin:{app}_{model}_{page}"), query),
        "permission": lambda request: any(
            request.user.has_perm(f"{app}.{deed}_{model}") for deed in ("view", "change")
        ),
    }


LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "admin:index"

UNFOLD = {
    "SITE_TITLE": "CircleTel catalogue",
    "SITE_HEADER": "CircleTel catalogue",
    "SITE_SUBHEADER": "Products, packages, Zoho",
    "SITE_SYMBOL": "cell_tower",
    "SITE_FAVICONS": [
        {"rel": "icon", "type": "image/svg+xml", "href": lambda request: static("circletel/favicon.svg")}
    ],
    "SHOW_HISTORY": False,
    "SHOW_VIEW_ON_SITE": False,
    "DASHBOARD_CALLBACK": "circletel.dashboard.home",
    "ENVIRONMENT": "circletel.dashboard.environment",
    "STYLES": [lambda request: static("circletel/admin.css")],
    "SCRIPTS": [lambda request: static("circletel/admin.js")],
    # A calm blue-green. 600 carries white text, 700 stands on white and 500 on near-black, all at 4.5 to 1.
    "COLORS": {
        "primary": {
            "50": "oklch(97.8% .012 205)",
            "100": "oklch(94.5% .028 205)",
            "200": "oklch(89.5% .05 205)",
            "300": "oklch(82.5% .075 206)",
            "400": "oklch(74% .095 207)",
            "500": "oklch(65% .098 208)",
            "600": "oklch(51% .085 210)",
            "700": "oklch(45% .075 212)",
            "800": "oklch(39% .063 214)",
            "900": "oklch(33% .052 216)",
            "950": "oklch(25% .042 218)",
        },
    },
    "SIDEBAR": {
        "navigation": [
            {
                "title": "Catalogue",
                "items": [
                    _page("Products", "inventory_2", "catalogue", "product"),
                    _page("Packages", "sell", "catalogue", "servicepackage"),
                    _page("Versions", "manage_history", "catalogue", "packageversion"),
                    _page("What was on sale", "event", "catalogue", "packageversion", "on_sale"),
                    _page("VAT rates", "percent", "catalogue", "vatrate"),
                ],
            },
            {
                "title": "Prices",
                "items": [
                    _page("Price changes", "price_change", "pricing", "pricechange"),
                    _page("Subscriptions", "contract", "pricing", "subscription"),
                    _page("Price moves", "move_down", "pricing", "pricemove"),
                    _page("Notices", "mail", "pricing", "pricenotice"),
                    _page("Words of notices", "edit_note", "pricing", "noticestage"),
                    _page("Supplier price lists", "upload_file", "catalogue", "pricelist"),
                    _page("Supplier deals", "handshake", "catalogue", "supplierdeal"),
                    _page("Suppliers", "store", "catalogue", "supplier"),
                    _page("Column mappings", "table_rows", "catalogue", "columnmapping"),
                ],
            },
            {
                "title": "Zoho",
                "items": [
                    _page("Zoho records", "sync", "zoho_sync", "productintegration"),
                    _page("Retry queue", "report", "zoho_sync", "productintegration", page="retry_queue"),
                    _page("Zoho calls", "swap_horiz", "zoho_sync", "zohosynclog"),
                    _page("Findings", "difference", "reconciliation", "finding"),
                    _page("Comparisons", "compare_arrows", "reconciliation", "reconciliationreport"),
                    _page("Repairs", "build", "reconciliation", "repair"),
                    _page("Smoke tests", "labs", "core", "job", query="?kind=zoho_sync.smoke_test&shown=all"),
                    _page("Field security", "lock", "zoho_sync", "fieldsecuritycheck"),
                ],
            },
            {
                "title": "Operations",
                "items": [
                    _page("Alerts", "notifications", "zoho_sync", "alert"),
                    _page("Alert rules", "tune", "zoho_sync", "alertrule"),
                    _page("Alert messages", "outbox", "zoho_sync", "alertdelivery"),
                    _page("Jobs", "task_alt", "core", "job"),
                    _page("Audit trail", "history", "core", "auditentry"),
                    _page("Schedule", "schedule", "django_celery_beat", "periodictask"),
                    _page(
                        "Ready for production?", "verified", "django_celery_beat", "periodictask", "preflight"
                    ),
                    _page("API tokens", "key", "core", "apitoken"),
                    _page("TMF620 listeners", "hub", "catalogue", "hublistener"),
                    _page("TMF620 deliveries", "outbox", "catalogue", "hubdelivery"),
                ],
            },
            {
                "title": "People",
                "items": [
                    _page("Users", "person", "auth", "user"),
                    _page("Groups", "group", "auth", "group"),
                    _page("Locked log-ins", "lock_person", "axes", "accessattempt"),
                ],
            },
        ],
    },
}

# --- Security ---------------------------------------------------------------------------------
# On wherever people come by TLS: cookies for TLS only, plain requests sent on to TLS, and browsers told to remember it.
_TLS = env.bool("DJANGO_SECURE_COOKIES", default=False)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = _TLS
SECURE_REDIRECT_EXEMPT = ["^metrics$"]
SECURE_HSTS_SECONDS = 31_536_000 if _TLS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = _TLS
# Preloading is decided for a whole domain and is hard to undo; one application on it does not decide that.
SILENCED_SYSTEM_CHECKS = ["security.W021"]
SECURE_PROXY_SSL_HEADER = (
    ("HTTP_X_FORWARDED_PROTO", "https") if env.bool("DJANGO_BEHIND_TLS_PROXY", default=False) else None
)
# How many proxies of ours stand before this process, each adding to X-Forwarded-For.
TRUSTED_PROXIES = env.int("DJANGO_TRUSTED_PROXIES", default=0)
SESSION_COOKIE_AGE = 12 * 3600
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "object-src": ["'none'"],
        "base-uri": ["'self'"],
        "form-action": ["'self'"],
        "frame-ancestors": ["'none'"],
    }
}
PERMISSIONS_POLICY: dict[str, list[str]] = {
    feature: [] for feature in ("camera", "geolocation", "microphone", "payment", "usb")
}
# Log-ins: after so many failures with one name from one address, wait.
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_LOCKOUT_TEMPLATE = "circletel/locked_out.html"
# The audit trail holds the log-ins.
AXES_DISABLE_ACCESS_LOG = True
AXES_VERBOSE = False
STAFF_TOTP_REQUIRED = env.bool("STAFF_TOTP_REQUIRED", default=False)
OTP_TOTP_ISSUER = "CircleTel catalogue"
