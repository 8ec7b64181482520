#!/usr/bin/env bash
# Shows that the token response of OpenAuth has no `token_type`, which RFC 6749 section 5.1 requires,
# so a strict client refuses it: oauth4webapi does. For client credentials it has no `expires_in` too,
# although the token lives for 30 days.
#
# Observed with @openauthjs/openauth 0.4.3 and oauth4webapi 3.8.8. Installs them in a temporary folder
# and runs OpenAuth on a free loopback port.
# Exit status: 0 if confirmed, 1 if OpenAuth behaves differently, 2 if it cannot be run.
set -euo pipefail
for command in node npm; do
  command -v "$command" >/dev/null || { echo "$command is missing: sudo apt-get install nodejs npm" >&2; exit 2; }
done
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
echo '{"private": true}' > package.json
npm install --silent --no-audit --no-fund \
  @openauthjs/openauth@0.4.3 arctic@2.3.4 hono@4 oauth4webapi@3.8.8 || exit 2
cat > show.mjs <<'JS'
import { createServer } from 'node:http'
import { issuer } from '@openauthjs/openauth'
import { MemoryStorage } from '@openauthjs/openauth/storage/memory'
import * as oauth from 'oauth4webapi'

console.log = () => {}
const app = issuer({
  subjects: {},
  storage: MemoryStorage(),
  providers: { test: { type: 'test', init: () => {}, client: async () => ({ name: 'service' }) } },
  success: (context, { name }) => context.subject('service', { name }),
})
const server = createServer(async (request, response) => {
  const chunks = []
  for await (const chunk of request) chunks.push(chunk)
  const { method, headers } = request
  const body = chunks.length ? Buffer.concat(chunks) : undefined
  const answer = await app.fetch(new Request(`${origin}${request.url}`, { method, headers, body }))
  response.writeHead(answer.status, Object.fromEntries(answer.headers))
  response.end(Buffer.from(await answer.arrayBuffer()))
})
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
const origin = `http://127.0.0.1:${server.address().port}`

const metadata = await (await fetch(`${origin}/.well-known/oauth-authorization-server`)).json()
const client = { client_id: 'service' }
const answer = await oauth.clientCredentialsGrantRequest(
  metadata, client, oauth.ClientSecretPost('secret'), { provider: 'test' },
  { [oauth.allowInsecureRequests]: true },
)
const members = Object.keys(await answer.clone().json())
const { iat, exp } = JSON.parse(
  Buffer.from((await answer.clone().json()).access_token.split('.')[1], 'base64url'),
)
let verdict = 'accepted'
try {
  await oauth.processClientCredentialsResponse(metadata, client, answer)
} catch (error) {
  verdict = `refused: ${error.message}`
}
const days = (exp - Date.now() / 1000) / 86_400
process.stdout.write(`token response, status ${answer.status}: ${members.join(', ')}\n`)
process.stdout.write(`lifetime of the token: ${days.toFixed(1)} days\noauth4webapi: ${verdict}\n`)
const asObserved = answer.status === 200 && !members.includes('token_type') && verdict !== 'accepted'
process.exit(asObserved ? 0 : 1)
JS
node show.mjs 2>log || { status=$?; [ "$status" = 1 ] && [ ! -s log ] && exit 1; cat log >&2; exit 2; }
echo "Confirmed: the token response has no token_type."
