"""django-allauth as an identity provider, with access tokens as JWTs."""
from importlib.metadata import version

from serve import CALLBACK, LOGGED_OUT, RESOURCE, SECRET, announce, django, django_user, listen, rsa_pem, serve

server, origin = listen()
application = django(
    origin,
    ["allauth", "allauth.account", "allauth.idp.oidc"],
    MIDDLEWARE=["allauth.account.middleware.AccountMiddleware"],
    IDP_OIDC_PRIVATE_KEY=rsa_pem(),
    IDP_OIDC_ACCESS_TOKEN_FORMAT="jwt",
    IDP_OIDC_INTROSPECTION_ENABLED=True,
)

from allauth.idp.oidc.models import Client  # noqa: E402
from django.urls import include, path  # noqa: E402

urlpatterns = [path("accounts/", include("allauth.urls")), path("", include("allauth.idp.urls"))]
cookie = django_user()
client = Client(
    id="web",
    name="web",
    scopes="openid\nemail\norders.read",
    grant_types="authorization_code\nclient_credentials\nrefresh_token",
    redirect_uris=CALLBACK,
    skip_consent=True,
)
client.set_secret(SECRET)
client.set_post_logout_redirect_uris([LOGGED_OUT])
client.save()
serve(server, application)
announce(
    version=version("django-allauth"),
    issuer=origin,
    client_id="web",
    secret=SECRET,
    callback=CALLBACK,
    logged_out=LOGGED_OUT,
    resource=RESOURCE,
    cookies=[cookie],
)
