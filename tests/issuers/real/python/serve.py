"""What the issuers of this folder share: a server on a free port, and the announcement."""
import json
import os
import sys
import tempfile
import threading
from wsgiref.simple_server import WSGIRequestHandler, make_server

# Without a character that form encoding changes: not every issuer decodes it (RFC 6749 section 2.3.1).
SECRET = "only-for-tests-and-long-enough-for-HMAC"
PASSWORD = "A long passw0rd!"
RESOURCE = "https://orders.example"
CALLBACK = "https://app.example/callback"
LOGGED_OUT = "https://app.example/logged-out"

# The announcement has standard output for itself; what the packages print goes to standard error.
_announcement = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)

folder = tempfile.TemporaryDirectory(prefix="issuer-")


class Quiet(WSGIRequestHandler):
    def log_message(self, *_):
        pass


def listen():
    """Returns a server without an application yet, and its origin."""
    server = make_server("127.0.0.1", 0, None, handler_class=Quiet)
    return server, f"http://127.0.0.1:{server.server_port}"


def serve(server, application):
    """Answers requests in a thread of its own."""
    server.set_app(application)
    threading.Thread(target=server.serve_forever, daemon=True).start()


def announce(stops=None, **told):
    """Tells the test what it needs as one line of JSON, and ends with the test's end of the pipe.

    A process in `stops` ends with it.
    """
    _announcement.write(json.dumps(told) + "\n")
    _announcement.flush()
    sys.stdin.read()
    if stops:
        stops.kill()
        stops.wait()
    folder.cleanup()
    os._exit(0)


def rsa_pem():
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def django(origin, apps, **settings):
    """Sets Django up with a database in the temporary folder, and returns its application."""
    import django as framework
    from django.conf import settings as configured

    configured.configure(
        SECRET_KEY=SECRET,
        ALLOWED_HOSTS=["127.0.0.1"],
        ROOT_URLCONF="__main__",
        USE_TZ=True,
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": f"{folder.name}/db"}},
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        INSTALLED_APPS=[
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "django.contrib.messages",
            "django.contrib.sessions",
            *apps,
        ],
        MIDDLEWARE=[
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.middleware.csrf.CsrfViewMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
            "django.contrib.messages.middleware.MessageMiddleware",
            *settings.pop("MIDDLEWARE", []),
        ],
        TEMPLATES=[{
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "APP_DIRS": True,
            "OPTIONS": {"context_processors": ["django.template.context_processors.request"]},
        }],
        **settings,
    )
    framework.setup()
    from django.core.management import call_command
    from django.core.wsgi import get_wsgi_application

    call_command("migrate", verbosity=0)
    return get_wsgi_application()


def django_user():
    """Makes ann, and returns the cookie of her session."""
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY, get_user_model
    from django.contrib.sessions.backends.db import SessionStore

    user = get_user_model().objects.create_user("ann", "ann@example.com", PASSWORD)
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.create()
    return f"sessionid={session.session_key}"
