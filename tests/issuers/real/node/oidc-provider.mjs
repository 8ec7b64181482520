// oidc-provider: opaque tokens, or JWTs for a resource; introspection, DPoP, dynamic registration.
// Arguments: resources beside the usual one, each as URL=SCOPES.
import Provider from 'oidc-provider'
import { CALLBACK, LOGGED_OUT, RESOURCE, SECRET, announce, listen, version } from './serve.mjs'

const resources = new Map([[RESOURCE, 'orders.read']])
for (const argument of process.argv.slice(2)) {
  const end = argument.lastIndexOf('=')
  resources.set(argument.slice(0, end), argument.slice(end + 1))
}
const scopes = [...new Set([...resources.values()].flatMap((text) => text.split(' ')))]

const { server, origin } = await listen()
const provider = new Provider(origin, {
  clients: [
    {
      client_id: 'web',
      client_secret: SECRET,
      redirect_uris: [CALLBACK],
      post_logout_redirect_uris: [LOGGED_OUT],
      response_types: ['code'],
      grant_types: ['authorization_code', 'refresh_token', 'client_credentials'],
      scope: ['openid', 'email', 'offline_access', ...scopes].join(' '),
    },
  ],
  cookies: { keys: [SECRET] },
  scopes: ['openid', 'email', 'offline_access', ...scopes],
  claims: { openid: ['sub'], email: ['email', 'email_verified'] },
  conformIdTokenClaims: false,
  pkce: { required: () => true },
  interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
  findAccount: (_, id) => ({
    accountId: id,
    claims: () => ({ sub: id, email: `${id}@example.com`, email_verified: true }),
  }),
  extraTokenClaims: () => ({ roles: ['admin'] }),
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    dPoP: { enabled: true },
    introspection: { enabled: true },
    registration: { enabled: true },
    revocation: { enabled: true },
    backchannelLogout: { enabled: true },
    resourceIndicators: {
      enabled: true,
      useGrantedResource: () => true,
      getResourceServerInfo: (_, resource) => ({
        scope: resources.get(resource) ?? '',
        audience: resource,
        accessTokenFormat: 'jwt',
      }),
    },
  },
})

// Logs ann in. To a client that she meets for the first time she grants the first scope of each
// further resource only, so that it has to ask again.
const known = new Set()
async function interact(request, response) {
  const { prompt, params, session } = await provider.interactionDetails(request, response)
  if (prompt.name === 'login') {
    return provider.interactionFinished(request, response, { login: { accountId: 'ann' } })
  }
  const grant = new provider.Grant({ accountId: session.accountId, clientId: params.client_id })
  grant.addOIDCScope(params.scope)
  for (const [resource, text] of resources) {
    const [first, ...others] = text.split(' ')
    grant.addResourceScope(resource, first)
    for (const scope of others) {
      if (known.has(params.client_id)) grant.addResourceScope(resource, scope)
      else grant.rejectResourceScope(resource, scope)
    }
  }
  known.add(params.client_id)
  return provider.interactionFinished(request, response, { consent: { grantId: await grant.save() } })
}

const callback = provider.callback()
server.on('request', (request, response) =>
  request.url.startsWith('/interaction/') ? interact(request, response) : callback(request, response))
announce({
  version: version('oidc-provider'),
  issuer: origin,
  client_id: 'web',
  secret: SECRET,
  callback: CALLBACK,
  logged_out: LOGGED_OUT,
  resource: RESOURCE,
})
