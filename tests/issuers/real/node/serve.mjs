// What the issuers of this folder share: a free port, and the announcement that the test reads.
import { createServer } from 'node:http'
import { createRequire } from 'node:module'

const require = createRequire(import.meta.url)

export const SECRET = 'only-for-tests-and-long-enough-for-HMAC'
export const RESOURCE = 'https://orders.example'
export const CALLBACK = 'https://app.example/callback'
export const LOGGED_OUT = 'https://app.example/logged-out'

// Standard output belongs to the announcement.
console.log = console.info = console.warn = console.debug = () => {}

// The version of an installed package, also if it does not export its package.json.
export function version(name) {
  const place = require.resolve.paths(name).find((folder) => {
    try {
      return require(`${folder}/${name}/package.json`)
    } catch {
      return false
    }
  })
  return require(`${place}/${name}/package.json`).version
}

// Listens on a free loopback port; requests wait for the handler that is set later.
export function listen() {
  const server = createServer()
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      resolve({ server, origin: `http://127.0.0.1:${server.address().port}` })
    })
  })
}

// A port that was free a moment ago, for programs that listen themselves.
export async function freePort() {
  const { server, origin } = await listen()
  await new Promise((resolve) => server.close(resolve))
  return Number(new URL(origin).port)
}

// Turns a handler over fetch's types into one for node:http.
export const fetchHandler = (origin, handle) => async (request, response) => {
  const chunks = []
  for await (const chunk of request) chunks.push(chunk)
  const body = chunks.length ? Buffer.concat(chunks) : undefined
  const { method, headers } = request
  const answer = await handle(new Request(origin + request.url, { method, headers, body }))
  const sent = Object.fromEntries(answer.headers)
  if (answer.headers.getSetCookie().length) sent['set-cookie'] = answer.headers.getSetCookie()
  response.writeHead(answer.status, sent).end(Buffer.from(await answer.arrayBuffer()))
}

// Tells the test what it needs as one line of JSON, and ends with the test's end of the pipe.
export function announce(told) {
  process.stdout.write(`${JSON.stringify(told)}\n`)
  process.stdin.resume().once('close', () => process.exit(0)).once('end', () => process.exit(0))
}
