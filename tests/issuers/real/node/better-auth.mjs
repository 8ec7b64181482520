// better-auth with the plugins jwt and oauth-provider: JWTs for a resource, else opaque tokens.
import { oauthProvider } from '@better-auth/oauth-provider'
import { betterAuth } from 'better-auth'
import { memoryAdapter } from 'better-auth/adapters/memory'
import { jwt } from 'better-auth/plugins'
import { CALLBACK, LOGGED_OUT, RESOURCE, SECRET, announce, fetchHandler, listen, version } from './serve.mjs'

const TABLES = [
  'user', 'session', 'account', 'verification', 'jwks', 'oauthClient', 'oauthResource', 'oauthClientResource',
  'oauthRefreshToken', 'oauthAccessToken', 'oauthConsent', 'oauthClientAssertion',
]

const { server, origin } = await listen()
const auth = betterAuth({
  baseURL: origin,
  secret: SECRET,
  logger: { disabled: true },
  telemetry: { enabled: false },
  database: memoryAdapter(Object.fromEntries(TABLES.map((table) => [table, []]))),
  emailAndPassword: { enabled: true },
  plugins: [
    jwt(),
    oauthProvider({
      clientPrivileges: () => true,
      loginPage: '/login',
      consentPage: '/consent',
      scopes: ['openid', 'email', 'offline_access', 'orders.read'],
      silenceWarnings: { oauthAuthServerConfig: true, openidConfig: true },
    }),
  ],
})
server.on('request', fetchHandler(origin, async (request) => {
  const { pathname } = new URL(request.url)
  // Where the documents belong is left to the application; these are the places that it advises.
  if (pathname === '/api/auth/.well-known/openid-configuration') return Response.json(await auth.api.getOpenIdConfig())
  if (pathname === '/.well-known/oauth-authorization-server/api/auth') return Response.json(await auth.api.getOAuthServerConfig())
  return auth.handler(request)
}))

const signedUp = await auth.api.signUpEmail({
  asResponse: true,
  body: { name: 'Ann', email: 'ann@example.com', password: 'a long password' },
})
const cookies = signedUp.headers.getSetCookie().map((cookie) => cookie.split(';')[0])
const headers = new Headers({ cookie: cookies.join('; ') })
await auth.api.adminCreateOAuthResource({ headers, body: { identifier: RESOURCE, name: 'orders' } })
const client = await auth.api.adminCreateOAuthClient({
  headers,
  body: {
    client_name: 'web',
    redirect_uris: [CALLBACK],
    post_logout_redirect_uris: [LOGGED_OUT],
    skip_consent: true,
    enable_end_session: true,
    grant_types: ['authorization_code', 'refresh_token', 'client_credentials'],
    scope: 'openid email offline_access orders.read',
    client_credentials_scopes: ['orders.read'],
  },
})
await auth.api.adminLinkClientResource({ headers, params: { identifier: RESOURCE, client_id: client.client_id } })
announce({
  version: version('@better-auth/oauth-provider'),
  issuer: `${origin}/api/auth`,
  client_id: client.client_id,
  secret: client.client_secret,
  callback: CALLBACK,
  logged_out: LOGGED_OUT,
  resource: RESOURCE,
  cookies,
})
