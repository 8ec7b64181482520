// A client of the official TypeScript SDKs: it registers, logs in, calls one tool, and then another
// that needs a further scope.
// Arguments: sdk or client (the package), the protocol revision to speak, the server's URL, two tools
// as NAME or NAME=ARGUMENTS in JSON.
// Standard output: a line of JSON with the negotiated revision, the answers of the tools and the scopes
// of each login.
const [package_, revision, server, first, second] = process.argv.slice(2)
const { Client, StreamableHTTPClientTransport, UnauthorizedError } =
  package_ === 'client'
    ? await import('@modelcontextprotocol/client')
    : {
        ...(await import('@modelcontextprotocol/sdk/client/index.js')),
        ...(await import('@modelcontextprotocol/sdk/client/streamableHttp.js')),
        ...(await import('@modelcontextprotocol/sdk/client/auth.js')),
      }

const CALLBACK = 'http://127.0.0.1:9/callback'
const logins = []

// A new browser of a user who agrees to everything.
async function logIn(url) {
  const cookies = new Map()
  while (!url.startsWith(CALLBACK)) {
    const answer = await fetch(url, {
      redirect: 'manual',
      headers: { cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; ') },
    })
    for (const cookie of answer.headers.getSetCookie()) {
      const [, name, value] = cookie.match(/^([^=]*)=([^;]*)/)
      cookies.set(name, value)
    }
    const location = answer.headers.get('location')
    if (!location) throw new Error(`${url}: ${answer.status} ${await answer.text()}`)
    url = new URL(location, url).href
  }
  return new URL(url).searchParams
}

// What the SDK keeps between its steps, and the user's browser.
class User {
  kept = {}
  redirectUrl = CALLBACK
  clientMetadata = {
    client_name: 'test',
    redirect_uris: [CALLBACK],
    grant_types: ['authorization_code'],
    response_types: ['code'],
    token_endpoint_auth_method: 'none',
    application_type: 'native',
  }
  clientInformation() { return this.kept.client }
  saveClientInformation(client) { this.kept.client = client }
  tokens() { return this.kept.tokens }
  saveTokens(tokens) { this.kept.tokens = tokens }
  codeVerifier() { return this.kept.verifier }
  saveCodeVerifier(verifier) { this.kept.verifier = verifier }
  async redirectToAuthorization(url) {
    logins.push({ scope: url.searchParams.get('scope'), resource: url.searchParams.get('resource') })
    this.kept.answer = await logIn(url.href)
  }
}

const user = new User()
const newTransport = () => new StreamableHTTPClientTransport(new URL(server), { authProvider: user })
// Revisions before 2026-07-28 begin with `initialize`: the newest one that both sides know is negotiated.
const versionNegotiation = { mode: revision < '2026-07-28' ? 'legacy' : { pin: revision } }
const newClient = () => new Client({ name: 'test', version: '1' }, { versionNegotiation })
const finish = (transport) => transport.finishAuth(user.kept.answer.get('code'), user.kept.answer.get('iss') ?? undefined)

let client = newClient()
let transport = newTransport()
try {
  await client.connect(transport)
  throw new Error('it answered without a token')
} catch (error) {
  if (!(error instanceof UnauthorizedError)) throw error
  await finish(transport)
  client = newClient()
  transport = newTransport()
  await client.connect(transport)
}

// Calls a tool, after another login if the server asks for further scopes.
async function call(tool) {
  const [name, ...json] = tool.split('=')
  const asked = { name, arguments: JSON.parse(json.join('=') || '{}') }
  const answer = await client.callTool(asked).catch(async (error) => {
    if (!(error instanceof UnauthorizedError)) throw error
    await finish(transport)
    return client.callTool(asked)
  })
  return answer.content[0].text
}
const answers = [await call(first), await call(second)]
const negotiated = client.getNegotiatedProtocolVersion?.() ?? transport.protocolVersion
process.stdout.write(`${JSON.stringify({ revision: negotiated, answers, logins })}\n`)
process.exit(0)
