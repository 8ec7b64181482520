// An authorization server on loopback, for as long as its standard input is open.
// Standard input: a line of JSON, the clients. Standard output: a line of JSON, the issuer.
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import { createInterface } from 'node:readline'
import { pathToFileURL } from 'node:url'

// The packages are installed below target/, where this is started.
const from = createRequire(`${process.cwd()}/package.json`)
const { default: Provider } = await import(pathToFileURL(from.resolve('oidc-provider')))

// Its advice about production is no answer.
console.log = console.info = console.warn = () => {}

const RESOURCE = 'https://orders.example'
// Its access tokens are opaque.
const OPAQUE = 'https://opaque.example'

const configuration = (clients) => ({
  clients,
  cookies: { keys: ['only for tests'] },
  scopes: ['openid', 'email', 'offline_access', 'orders.read'],
  claims: { openid: ['sub'], email: ['email', 'email_verified'] },
  conformIdTokenClaims: false,
  pkce: { required: () => true },
  issueRefreshToken: () => true,
  rotateRefreshToken: true,
  interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
  findAccount: (_, id) => ({
    accountId: id,
    claims: () => ({ sub: id, email: `${id}@example.com`, email_verified: true }),
  }),
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    introspection: { enabled: true },
    jwtIntrospection: { enabled: true },
    revocation: { enabled: true },
    resourceIndicators: {
      enabled: true,
      useGrantedResource: () => true,
      getResourceServerInfo: (_, resource) => ({
        scope: 'orders.read',
        audience: resource,
        accessTokenFormat: resource === OPAQUE ? 'opaque' : 'jwt',
        accessTokenTTL: 3600,
        jwt: { sign: { alg: 'RS256' } },
      }),
    },
  },
})

// Whoever comes is ann, and consents.
async function interact(provider, request, response) {
  const { prompt, params, session, grantId } = await provider.interactionDetails(request, response)
  if (prompt.name === 'login') {
    return provider.interactionFinished(request, response, { login: { accountId: 'ann' } })
  }
  const grant = grantId
    ? await provider.Grant.find(grantId)
    : new provider.Grant({ accountId: session.accountId, clientId: params.client_id })
  grant.addOIDCScope(params.scope)
  grant.addResourceScope(RESOURCE, 'orders.read')
  return provider.interactionFinished(request, response, {
    consent: { grantId: await grant.save() },
  })
}

const lines = createInterface({ input: process.stdin })
lines.once('close', () => process.exit(0))
lines.once('line', (line) => {
  const server = createServer()
  server.listen(0, '127.0.0.1', () => {
    const issuer = `http://127.0.0.1:${server.address().port}`
    const provider = new Provider(issuer, configuration(JSON.parse(line)))
    const callback = provider.callback()
    server.on('request', (request, response) =>
      request.url.startsWith('/interaction/')
        ? interact(provider, request, response)
        : callback(request, response)
    )
    process.stdout.write(`${JSON.stringify({ issuer })}\n`)
  })
})
