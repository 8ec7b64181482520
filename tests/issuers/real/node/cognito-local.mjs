// cognito-local: an emulator of Amazon Cognito's user pools.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { CALLBACK, announce, freePort, version } from './serve.mjs'

const port = await freePort()
const origin = `http://localhost:${port}`
// It keeps its files in the working directory.
const folder = mkdtempSync(`${tmpdir()}/cognito-local-`)
process.on('exit', () => rmSync(folder, { recursive: true }))
process.chdir(folder)
mkdirSync('.cognito')
writeFileSync('.cognito/config.json', JSON.stringify({ TokenConfig: { IssuerDomain: origin } }))
Object.assign(process.env, { PORT: port, HOST: '127.0.0.1', AWS_SDK_JS_SUPPRESS_MAINTENANCE_MODE_MESSAGE: '1' })

const require = createRequire(import.meta.url)
const { createDefaultServer } = require('cognito-local')
const server = await createDefaultServer(require('pino')({ level: 'silent' }))
await server.start()

async function call(target, body) {
  const answer = await fetch(origin, {
    method: 'POST',
    headers: { 'x-amz-target': `AWSCognitoIdentityProviderService.${target}`, 'content-type': 'application/x-amz-json-1.1' },
    body: JSON.stringify(body),
  })
  if (!answer.ok) throw new Error(`${target}: ${await answer.text()}`)
  return answer.json()
}
const { UserPool } = await call('CreateUserPool', { PoolName: 'customers' })
const UserPoolId = UserPool.Id
const { UserPoolClient } = await call('CreateUserPoolClient', {
  UserPoolId, ClientName: 'web', CallbackURLs: [CALLBACK], AllowedOAuthFlows: ['code'],
})
const user = { UserPoolId, Username: 'ann@example.com' }
await call('AdminCreateUser', { ...user, MessageAction: 'SUPPRESS', UserAttributes: [{ Name: 'email', Value: 'ann@example.com' }] })
await call('AdminSetUserPassword', { ...user, Password: 'a long password', Permanent: true })
await call('CreateGroup', { UserPoolId, GroupName: 'admin' })
await call('AdminAddUserToGroup', { ...user, GroupName: 'admin' })
announce({
  version: version('cognito-local'),
  issuer: `${origin}/${UserPoolId}`,
  jwks_url: `${origin}/${UserPoolId}/.well-known/jwks.json`,
  authorize_url: `${origin}/oauth2/authorize`,
  token_url: `${origin}/oauth2/token`,
  client_id: UserPoolClient.ClientId,
  callback: CALLBACK,
  form: { username: 'ann@example.com', password: 'a long password' },
})
