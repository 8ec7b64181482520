// A client of a service with DPoP: it gets a bound token by client credentials and calls an API.
// Arguments: openid-client or oauth4webapi (the package), the issuer, the client's id and secret, the
// resource, and the address of the API, which requests to the resource's origin are sent to.
// Standard input: a line of JSON for each step.
//   {"call": [METHOD, PATH]}: calls with a new proof; after use_dpop_nonce the client calls once more
//   {"call": …, "arrives_as": [METHOD, PATH]}: the same, but the request is changed on its way
//   {"replay": [METHOD, PATH]}: sends the headers of the last request again
// Standard output: the version of the package and the token's type; then, for each step, a list of the
// requests that it took.
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'

const [package_, issuer, id, secret, resource, api] = process.argv.slice(2)
const { version } = JSON.parse(readFileSync(`node_modules/${package_}/package.json`))
const parameters = { scope: 'orders.read', resource }

// Each package gets a token, and returns how it calls the API with it.
const packages = {
  async 'openid-client'() {
    const oidc = await import('openid-client')
    const authentication = oidc.ClientSecretBasic(secret)
    const execute = [oidc.allowInsecureRequests]
    const config = await oidc.discovery(new URL(issuer), id, undefined, authentication, { execute })
    config[oidc.customFetch] = send
    const DPoP = oidc.getDPoPHandle(config, await oidc.randomDPoPKeyPair('ES256'))
    const token = await oidc.clientCredentialsGrant(config, parameters, { DPoP })
    const call = (method, url) =>
      oidc.fetchProtectedResource(config, token.access_token, url, method, null, undefined, { DPoP })
    return { token, call }
  },
  async oauth4webapi() {
    const oauth = await import('oauth4webapi')
    const options = { [oauth.allowInsecureRequests]: true, [oauth.customFetch]: send }
    const metadata = await oauth.discoveryRequest(new URL(issuer), options)
    const server = await oauth.processDiscoveryResponse(new URL(issuer), metadata)
    const client = { client_id: id }
    const DPoP = oauth.DPoP(client, await oauth.generateKeyPair('ES256'))
    const bound = { ...options, DPoP }
    const authentication = oauth.ClientSecretBasic(secret)
    const answer = await oauth.clientCredentialsGrantRequest(server, client, authentication, parameters, bound)
    const token = await oauth.processClientCredentialsResponse(server, client, answer)
    const once = (method, url) =>
      oauth.protectedResourceRequest(token.access_token, method, url, undefined, null, bound)
    // This package leaves the second call to the application.
    const call = (method, url) =>
      once(method, url).catch((error) => {
        if (!oauth.isDPoPNonceError(error)) throw error
        return once(method, url)
      })
    return { token, call }
  },
}

let requests = []
let arrivesAs
let last

async function send(address, options) {
  const url = new URL(address)
  if (url.origin !== resource) return fetch(url, options)
  last = options.headers
  const [method, path] = arrivesAs ?? [options.method, url.pathname]
  const answer = await fetch(api + path, { ...options, method })
  const { nonce } = JSON.parse(Buffer.from(new Headers(last).get('dpop').split('.')[1], 'base64url'))
  const error = answer.headers.get('www-authenticate')?.match(/ error="([^"]*)"/)?.[1]
  requests.push({ status: answer.status, error, sent: nonce, given: answer.headers.get('dpop-nonce') })
  return answer
}

const { token, call } = await packages[package_]()
const say = (told) => process.stdout.write(`${JSON.stringify(told)}\n`)
say({ version, token_type: token.token_type })
for await (const line of createInterface({ input: process.stdin })) {
  const step = JSON.parse(line)
  requests = []
  arrivesAs = step.arrives_as
  const [method, path] = step.call ?? step.replay
  if (step.replay) await send(resource + path, { method, headers: last })
  else {
    await call(method, new URL(path, resource)).catch((error) => {
      if (error.name !== 'WWWAuthenticateChallengeError') throw error
    })
  }
  say(requests)
}
process.exit(0)
