"""django-oauth-toolkit with OpenID Connect."""
from importlib.metadata import version

from serve import CALLBACK, LOGGED_OUT, SECRET, announce, django, django_user, listen, rsa_pem, serve

server, origin = listen()
application = django(
    origin,
    ["oauth2_provider"],
    OAUTH2_PROVIDER={
        "OIDC_ENABLED": True,
        "OIDC_RSA_PRIVATE_KEY": rsa_pem(),
        "OIDC_RP_INITIATED_LOGOUT_ENABLED": True,
        "SCOPES": {"openid": "sign in", "email": "address", "orders.read": "read orders"},
    },
)

from django.urls import include, path  # noqa: E402
from oauth2_provider.models import Application  # noqa: E402

urlpatterns = [path("o/", include("oauth2_provider.urls", namespace="oauth2_provider"))]
cookie = django_user()
client = dict(client_type="confidential", client_secret=SECRET, algorithm="RS256")
Application.objects.create(
    client_id="web",
    authorization_grant_type="authorization-code",
    redirect_uris=CALLBACK,
    post_logout_redirect_uris=LOGGED_OUT,
    skip_authorization=True,
    **client,
)
Application.objects.create(
    client_id="service", authorization_grant_type="client-credentials", **client
)
serve(server, application)
announce(
    version=version("django-oauth-toolkit"),
    issuer=f"{origin}/o",
    introspection_url=f"{origin}/o/introspect/",
    unnamed_tokens=True,
    client_id="web",
    service_id="service",
    secret=SECRET,
    callback=CALLBACK,
    logged_out=LOGGED_OUT,
    cookies=[cookie],
)
