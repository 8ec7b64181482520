"""moto's server: an emulator of Amazon Cognito's user pools, among other services."""
import json
from importlib.metadata import version
from urllib.request import Request, urlopen

from moto.server import DomainDispatcherApplication, create_backend_app
from serve import CALLBACK, PASSWORD, announce, listen, serve

server, origin = listen()
serve(server, DomainDispatcherApplication(create_backend_app))


def call(target, **body):
    headers = {
        "X-Amz-Target": f"AWSCognitoIdentityProviderService.{target}",
        "Content-Type": "application/x-amz-json-1.1",
        "Authorization": "AWS4-HMAC-SHA256 Credential=a/20260101/us-east-1/cognito-idp/aws4_request",
    }
    with urlopen(Request(origin, json.dumps(body).encode(), headers)) as answer:
        return json.load(answer)


pool = call("CreateUserPool", PoolName="customers")["UserPool"]["Id"]
client = call(
    "CreateUserPoolClient",
    UserPoolId=pool,
    ClientName="web",
    ExplicitAuthFlows=["ALLOW_USER_PASSWORD_AUTH"],
)["UserPoolClient"]["ClientId"]
user = {"UserPoolId": pool, "Username": "ann"}
call("AdminCreateUser", **user, UserAttributes=[{"Name": "email", "Value": "ann@example.com"}])
call("AdminSetUserPassword", **user, Password=PASSWORD, Permanent=True)
call("CreateGroup", UserPoolId=pool, GroupName="admin")
call("AdminAddUserToGroup", **user, GroupName="admin")
tokens = call(
    "InitiateAuth",
    ClientId=client,
    AuthFlow="USER_PASSWORD_AUTH",
    AuthParameters={"USERNAME": "ann", "PASSWORD": PASSWORD},
)["AuthenticationResult"]
announce(
    version=version("moto"),
    issuer=f"https://cognito-idp.us-east-1.amazonaws.com/{pool}",
    jwks_url=f"{origin}/{pool}/.well-known/jwks.json",
    discovery=f"{origin}/{pool}",
    client_id=client,
    callback=CALLBACK,
    tokens={"access token": tokens["AccessToken"], "ID token": tokens["IdToken"]},
)
