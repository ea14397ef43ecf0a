// A second reader and writer of the documents, from docs/formats/ alone: Web Crypto for signatures and key files,
// npm's hpke with @panva/hpke-noble for the seal. One JSON request on standard input, one JSON answer on output.
import { X509Certificate, webcrypto } from 'node:crypto'
import * as HPKE from 'hpke'
import { AEAD_AES_256_GCM, KDF_SHAKE256, KEM_MLKEM768_X25519 } from '@panva/hpke-noble'

const { subtle } = webcrypto
const suite = new HPKE.CipherSuite(KEM_MLKEM768_X25519, KDF_SHAKE256, AEAD_AES_256_GCM)
const ENC_BYTES = 1120
const ECDSA = { name: 'ECDSA', namedCurve: 'P-384', hash: 'SHA-384' }
const utf8 = (text) => new TextEncoder().encode(text)
const b64u = (bytes) => Buffer.from(bytes).toString('base64url')
const bytes = (text) => new Uint8Array(Buffer.from(text, 'base64url'))

function canonical(value) {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`
  if (value !== null && typeof value === 'object') {
    return `{${Object.keys(value).sort().map((name) => `${JSON.stringify(name)}:${canonical(value[name])}`).join(',')}}`
  }
  return JSON.stringify(value)
}

function info(label, protectedHeader) {
  return Buffer.concat([utf8(label), new Uint8Array(1), utf8(protectedHeader)])
}

async function sign(header, payload, key) {
  const input = `${b64u(utf8(canonical(header)))}.${b64u(payload)}`
  return `${input}.${b64u(await subtle.sign(ECDSA, key, utf8(input)))}`
}

async function verified(text, point) {
  const [head, payload, signature] = text.split('.')
  const key = await subtle.importKey('raw', bytes(point), ECDSA, true, ['verify'])
  const fits = await subtle.verify(ECDSA, key, bytes(signature), utf8(`${head}.${payload}`))
  if (!fits) throw new Error('the signature does not fit')
  return { head, header: JSON.parse(Buffer.from(head, 'base64url')), payload: bytes(payload) }
}

// The point of the leaf's key, once the chain leads to the root (docs/formats/identity.md).
function leafPoint(x5c, root) {
  const [leaf, authority] = x5c.map((der) => new X509Certificate(Buffer.from(der, 'base64')))
  const top = new X509Certificate(Buffer.from(root, 'base64url'))
  if (!leaf.verify(authority.publicKey) || !authority.verify(top.publicKey) || !top.verify(top.publicKey)) {
    throw new Error('the chain does not lead to the root')
  }
  const jwk = leaf.publicKey.export({ format: 'jwk' })
  return b64u(Buffer.concat([Buffer.from([4]), bytes(jwk.x), bytes(jwk.y)]))
}

async function open({ text, root, signer, seed, label }) {
  const header = JSON.parse(Buffer.from(text.split('.')[0], 'base64url'))
  const { head, payload } = await verified(text, header.x5c ? leafPoint(header.x5c, root) : signer)
  const key = await suite.DeserializePrivateKey(bytes(seed))
  const clear = await suite.Open(key, payload.slice(0, ENC_BYTES), payload.slice(ENC_BYTES), { info: info(label, head) })
  return { header, clear: b64u(clear) }
}

async function seal({ header, jwk, publicKey, clear, label }) {
  const key = await subtle.importKey('jwk', jwk, ECDSA, false, ['sign'])
  const head = b64u(utf8(canonical(header)))
  const to = await suite.DeserializePublicKey(bytes(publicKey))
  const { encapsulatedSecret, ciphertext } = await suite.Seal(to, bytes(clear), { info: info(label, head) })
  return { text: await sign(header, Buffer.concat([encapsulatedSecret, ciphertext]), key) }
}

// docs/formats/key-file.md §3 and approval.md §4: what the page does in the browser.
async function approve({ file, passphrase, ticket, claims }) {
  const members = JSON.parse(file)
  const { sealed, ...bound } = members
  const { salt, iterations } = members.derivation
  const base = await subtle.importKey('raw', utf8(passphrase.normalize('NFC')), 'PBKDF2', false, ['deriveKey'])
  const derivation = { name: 'PBKDF2', hash: 'SHA-256', salt: bytes(salt), iterations }
  const aes = await subtle.deriveKey(derivation, base, { name: 'AES-GCM', length: 256 }, false, ['decrypt'])
  const gcm = { name: 'AES-GCM', iv: bytes(members.nonce), additionalData: utf8(canonical(bound)) }
  const scalar = await subtle.decrypt(gcm, aes, bytes(sealed))
  const point = bytes(members.public)
  const jwk = { kty: 'EC', crv: 'P-384', d: b64u(scalar), x: b64u(point.slice(1, 49)), y: b64u(point.slice(49)) }
  const key = await subtle.importKey('jwk', jwk, ECDSA, false, ['sign'])
  const document = b64u(await subtle.digest('SHA-384', utf8(ticket.slice(0, ticket.lastIndexOf('.')))))
  const header = { typ: 'strongroom-approval+jws;v=1', kid: members.kid, alg: 'ES384' }
  return { text: await sign(header, utf8(canonical({ ...claims, document })), key) }
}

const request = JSON.parse(await new Response(process.stdin).text())
const answer = await { open, seal, approve }[request.do](request)
process.stdout.write(JSON.stringify(answer))
