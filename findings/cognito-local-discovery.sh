#!/usr/bin/env bash
# Shows that the discovery document of cognito-local names port 9229, its default, also when PORT and
# TokenConfig.IssuerDomain give another: its issuer is not the `iss` of the tokens, and its jwks_uri
# leads to no server. On the default port all of them agree.
#
# Observed with cognito-local 5.3.0. Installs it in a temporary folder, runs it on a free loopback port.
# Exit status: 0 if confirmed, 1 if cognito-local behaves differently, 2 if it cannot be run.
set -euo pipefail
for command in node npm; do
  command -v "$command" >/dev/null || { echo "$command is missing: sudo apt-get install nodejs npm" >&2; exit 2; }
done
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
echo '{"private": true}' > package.json
npm install --silent --no-audit --no-fund cognito-local@5.3.0 || exit 2
cat > show.mjs <<'JS'
import { spawn } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'

const port = await new Promise((resolve) => {
  const probe = createServer().listen(0, '127.0.0.1', () => {
    const { port } = probe.address()
    probe.close(() => resolve(port))
  })
})
const origin = `http://localhost:${port}`
mkdirSync('.cognito')
writeFileSync('.cognito/config.json', JSON.stringify({ TokenConfig: { IssuerDomain: origin } }))
const server = spawn('node_modules/.bin/cognito-local', {
  env: { ...process.env, PORT: port, HOST: 'localhost' },
  stdio: ['ignore', 'ignore', 'inherit'],
})
const deadline = Date.now() + 20_000
const end = (status) => {
  server.kill()
  process.exit(status)
}
for (;;) {
  if ((await fetch(`${origin}/health`).catch(() => ({}))).ok) break
  if (Date.now() > deadline || server.exitCode !== null) end(2)
  await new Promise((resolve) => setTimeout(resolve, 50))
}
const call = async (target, body) => {
  const answer = await fetch(origin, {
    method: 'POST',
    headers: {
      'x-amz-target': `AWSCognitoIdentityProviderService.${target}`,
      'content-type': 'application/x-amz-json-1.1',
    },
    body: JSON.stringify(body),
  })
  if (!answer.ok) {
    console.error(target, await answer.text())
    end(2)
  }
  return answer.json()
}
const UserPoolId = (await call('CreateUserPool', { PoolName: 'pool' })).UserPool.Id
const { ClientId } = (await call('CreateUserPoolClient', { UserPoolId, ClientName: 'web' })).UserPoolClient
const Username = 'ann@example.com'
const email = [{ Name: 'email', Value: Username }]
await call('AdminCreateUser', { UserPoolId, Username, MessageAction: 'SUPPRESS', UserAttributes: email })
await call('AdminSetUserPassword', { UserPoolId, Username, Password: 'a password', Permanent: true })
const { AuthenticationResult } = await call('InitiateAuth', {
  ClientId, AuthFlow: 'USER_PASSWORD_AUTH', AuthParameters: { USERNAME: Username, PASSWORD: 'a password' },
})
const claims = AuthenticationResult.AccessToken.split('.')[1]
const { iss } = JSON.parse(Buffer.from(claims, 'base64url'))
const document = await (await fetch(`${origin}/${UserPoolId}/.well-known/openid-configuration`)).json()
const rest = `/${UserPoolId}`
const shown = (url) => url.replaceAll(String(port), 'PORT').replace(rest, '/POOL')
console.log('served at:', shown(`${origin}${rest}`))
console.log('iss of the token:', shown(iss))
console.log('issuer of the document:', shown(document.issuer))
console.log('jwks_uri of the document:', shown(document.jwks_uri))
const asObserved = iss === `${origin}${rest}` && document.issuer === `http://localhost:9229${rest}` &&
  document.jwks_uri.startsWith('http://localhost:9229/')
end(asObserved ? 0 : 1)
JS
if node show.mjs 2>log; then
  echo "Confirmed: the document names port 9229."
else
  status=$?
  cat log >&2
  exit "$status"
fi
