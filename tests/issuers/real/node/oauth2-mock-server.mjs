// oauth2-mock-server: every client and every user are accepted.
import { OAuth2Server } from 'oauth2-mock-server'
import { CALLBACK, LOGGED_OUT, SECRET, announce, version } from './serve.mjs'

const server = new OAuth2Server()
await server.issuer.keys.generate('RS256')
await server.start(0, '127.0.0.1')
announce({
  version: version('oauth2-mock-server'),
  issuer: server.issuer.url,
  client_id: 'web',
  secret: SECRET,
  callback: CALLBACK,
  logged_out: LOGGED_OUT,
})
