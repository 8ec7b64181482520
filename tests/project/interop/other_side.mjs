// Node's jose as the other side of tests/project/interop/jose.rs: a JSON request comes in, a JSON answer goes out.
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const place = createRequire(pathToFileURL(`${process.cwd()}/package.json`));
const jose = await import(pathToFileURL(place.resolve('jose')));

const options = (alg, { now, issuer, audience, typ }) => ({
  algorithms: [alg],
  currentDate: new Date(now * 1000),
  issuer,
  audience,
  typ,
});

// Verifies a token with the key in each of its forms, and by the published set.
async function verify({ alg, token, jwk, pem, set, rules }) {
  const keys = [await jose.importJWK(jwk, alg)];
  if (pem) keys.push(await jose.importSPKI(pem, alg));
  if (set) keys.push(jose.createLocalJWKSet(set));
  const answers = [];
  for (const key of keys) {
    const { payload, protectedHeader } = await jose.jwtVerify(token, key, options(alg, rules));
    answers.push({ payload, header: protectedHeader });
  }
  return answers;
}

// Signs with a private key of ours, and with one of its own in every form.
async function sign({ alg, jwk, pem, claims }) {
  const token = (key) => new jose.SignJWT(claims).setProtectedHeader({ alg, typ: 'JWT' }).sign(key);
  const ours = [await token(await jose.importJWK(jwk, alg))];
  if (pem) ours.push(await token(await jose.importPKCS8(pem, alg)));
  if (alg.startsWith('HS')) {
    const key = await jose.generateSecret(alg, { extractable: true });
    return { ours, own: { token: await token(key), private: await jose.exportJWK(key) } };
  }
  const { privateKey, publicKey } = await jose.generateKeyPair(alg, { extractable: true });
  const own = {
    token: await token(privateKey),
    private: await jose.exportJWK(privateKey),
    public: await jose.exportJWK(publicKey),
    private_pem: await jose.exportPKCS8(privateKey),
    public_pem: await jose.exportSPKI(publicKey),
    thumbprint: await jose.calculateJwkThumbprint(publicKey),
  };
  return { ours, own };
}

let text = '';
for await (const chunk of process.stdin) text += chunk;
const { verify: toVerify, sign: toSign } = JSON.parse(text);
const answer = { verified: [], signed: [] };
for (const request of toVerify) answer.verified.push(await verify(request));
for (const request of toSign) answer.signed.push(await sign(request));
console.log(JSON.stringify(answer));
