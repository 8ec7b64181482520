#!/usr/bin/env bash
# Shows that MCP clients of the TypeScript SDK register with the `scope` of the first 401, and that
# oidc-provider then refuses their request for a further scope: a step-up (403 with `scope`) ends in
# `invalid_scope`. Without `scope` in the 401, a client registers with all `scopes_supported` of the
# protected resource's metadata, and the same request is accepted.
#
# Observed with @modelcontextprotocol/client 2.4.0 and oidc-provider 9.13.3 under Node 20. Installs them
# in a temporary folder.
# Exit status: 0 if confirmed, 1 if they behave differently, 2 if they cannot be run.
set -euo pipefail
command -v npm >/dev/null || { echo "npm is missing: sudo apt-get install npm" >&2; exit 2; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund @modelcontextprotocol/client@2.4.0 oidc-provider@9.13.3 || exit 2
cat >run.mjs <<'NODE'
import { createServer } from 'node:http'
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import Provider from 'oidc-provider'

console.warn = console.info = () => {}
const CALLBACK = 'http://127.0.0.1:9/callback'
const SCOPES = ['notes.read', 'notes.write']
const listen = (server) => new Promise((resolve) =>
  server.listen(0, '127.0.0.1', () => resolve(`http://127.0.0.1:${server.address().port}`)))

const login = createServer()
const issuer = await listen(login)
const provider = new Provider(issuer, {
  scopes: SCOPES,
  cookies: { keys: ['only for this'] },
  features: {
    registration: { enabled: true },
    resourceIndicators: {
      enabled: true,
      getResourceServerInfo: (_, resource) => ({ scope: SCOPES.join(' '), audience: resource, accessTokenFormat: 'jwt' }),
    },
  },
})
login.on('request', provider.callback())

// An MCP server that answers 401 with this scope, and its metadata.
const api = createServer()
const origin = await listen(api)
let challenged
api.on('request', (request, response) => {
  if (request.url === '/metadata') {
    const metadata = { resource: `${origin}/mcp`, authorization_servers: [issuer], scopes_supported: SCOPES }
    return response.setHeader('content-type', 'application/json').end(JSON.stringify(metadata))
  }
  const scope = challenged ? `, scope="${challenged}"` : ''
  response.writeHead(401, { 'www-authenticate': `Bearer resource_metadata="${origin}/metadata"${scope}` }).end()
})

// What a client registers with, and the answer to a request for both scopes.
async function stepUp(scope) {
  challenged = scope
  const kept = {}
  const user = {
    redirectUrl: CALLBACK,
    clientMetadata: {
      redirect_uris: [CALLBACK],
      grant_types: ['authorization_code'],
      response_types: ['code'],
      token_endpoint_auth_method: 'none',
      application_type: 'native',
    },
    clientInformation: () => kept.client,
    saveClientInformation: (client) => { kept.client = client },
    tokens: () => undefined,
    saveTokens: () => {},
    codeVerifier: () => kept.verifier,
    saveCodeVerifier: (verifier) => { kept.verifier = verifier },
    redirectToAuthorization: (url) => { kept.url = url },
  }
  const transport = new StreamableHTTPClientTransport(new URL(`${origin}/mcp`), { authProvider: user })
  await new Client({ name: 'test', version: '1' }).connect(transport).catch((error) => { kept.error = error })
  if (!kept.url) throw kept.error
  kept.url.searchParams.set('scope', SCOPES.join(' '))
  const answer = await fetch(kept.url, { redirect: 'manual' })
  const to = new URL(answer.headers.get('location'), issuer)
  return { registered: kept.client.scope, answer: to.searchParams.get('error') ?? 'accepted' }
}

try {
  const named = await stepUp('notes.read')
  const unnamed = await stepUp()
  console.log('scope in the 401:   ', JSON.stringify(named))
  console.log('no scope in the 401:', JSON.stringify(unnamed))
  const isSo = named.registered === 'notes.read' && named.answer === 'invalid_scope' &&
    unnamed.registered === 'notes.read notes.write' && unnamed.answer === 'accepted'
  process.exit(isSo ? 0 : 1)
} catch (error) {
  console.error(error)
  process.exit(2)
}
NODE
node run.mjs
echo "Confirmed: the scope of the first 401 is all that such a client may ask for later."
