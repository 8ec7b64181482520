// @openauthjs/openauth: OAuth 2.0 without OpenID Connect.
import { createSubjects, issuer } from '@openauthjs/openauth'
import { MemoryStorage } from '@openauthjs/openauth/storage/memory'
import { CALLBACK, SECRET, announce, fetchHandler, listen, version } from './serve.mjs'

const subjects = createSubjects({ user: { '~standard': { version: 1, vendor: 'none', validate: (value) => ({ value }) } } })
const { server, origin } = await listen()
const app = issuer({
  subjects,
  storage: MemoryStorage(),
  allow: async () => true,
  providers: {
    // Logs ann in without a question; its client credentials are the user's.
    test: {
      type: 'test',
      init: (routes, context) => routes.get('/authorize', (c) => context.success(c, { email: 'ann@example.com' })),
      client: async ({ clientID }) => ({ email: `${clientID}@example.com` }),
    },
  },
  success: (context, { email }) => context.subject('user', { email, roles: ['admin'] }),
})
server.on('request', fetchHandler(origin, (request) => app.fetch(request)))
announce({
  version: version('@openauthjs/openauth'),
  issuer: origin,
  jwks_url: `${origin}/.well-known/jwks.json`,
  authorize_url: `${origin}/authorize`,
  token_url: `${origin}/token`,
  client_id: 'web',
  secret: SECRET,
  callback: CALLBACK,
  scopes: [],
  secret_in_body: true,
  service_parameters: { provider: 'test' },
})
