"""canaille with its store in memory."""
import logging
from importlib.metadata import version

from canaille import create_app
from canaille.app import models
from canaille.backends import Backend
from serve import CALLBACK, LOGGED_OUT, PASSWORD, SECRET, announce, listen, serve

server, origin = listen()
app = create_app({
    "SECRET_KEY": SECRET,
    "CANAILLE": {"DATABASE": "memory", "LOGGING": {"version": 1}},
    "CANAILLE_OIDC": {"DYNAMIC_CLIENT_REGISTRATION_OPEN": True},
})
logging.disable()
with app.app_context():
    user = models.User(
        user_name="ann",
        formatted_name="Ann",
        family_name="Ann",
        emails=["ann@example.com"],
        password=PASSWORD,
    )
    Backend.instance.save(user)
    group = models.Group(display_name="admin", members=[user])
    Backend.instance.save(group)
    answer = app.test_client().post("/oauth/register", base_url=origin, json={
        "client_name": "web",
        # This address makes it a trusted client, which needs no consent.
        "client_uri": "https://127.0.0.1",
        "redirect_uris": [CALLBACK],
        "post_logout_redirect_uris": [LOGGED_OUT],
        "grant_types": ["authorization_code", "refresh_token", "client_credentials"],
        "response_types": ["code"],
        "token_endpoint_auth_method": "client_secret_basic",
        "scope": "openid email groups",
    })
    client = answer.get_json()
    if "client_id" not in client:
        raise SystemExit(answer.get_data(as_text=True))
serve(server, app)
announce(
    version=version("canaille"),
    issuer=f"{origin}/",
    client_id=client["client_id"],
    secret=client["client_secret"],
    callback=CALLBACK,
    logged_out=LOGGED_OUT,
    scopes=["openid", "email", "groups"],
    form={"login": "ann", "password": PASSWORD, "answer": "logout"},
)
