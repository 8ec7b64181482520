// Firebase's Auth emulator, as `firebase emulators:start --only auth` runs it.
import { createRequire } from 'node:module'
import { CALLBACK, announce, freePort, version } from '../node/serve.mjs'

const require = createRequire(import.meta.url)
const { AuthEmulator } = require('firebase-tools/lib/emulator/auth')
const project = 'demo-shop'
const host = '127.0.0.1'
const port = await freePort()
const origin = `http://${host}:${port}`
await new AuthEmulator({ projectId: project, host, port, singleProjectMode: 'error' }).start()

const answer = await fetch(`${origin}/identitytoolkit.googleapis.com/v1/accounts:signUp?key=any`, {
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({ email: 'ann@example.com', password: 'a long password', returnSecureToken: true }),
})
const { idToken } = await answer.json()
announce({
  version: version('firebase-tools'),
  issuer: `https://securetoken.google.com/${project}`,
  discovery: origin,
  client_id: project,
  callback: CALLBACK,
  firebase_project: project,
  tokens: { 'ID token': idToken },
})
