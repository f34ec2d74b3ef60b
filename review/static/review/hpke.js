// Opens what was wrapped to the officers' key (HPKE, RFC 9180, base mode: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256,
// AES-256-GCM), in this browser, so that the key itself never leaves it. gateway/delivery/envelope.py is the other half.

const LABEL = "imprimatur-private-1";
const ID_BYTES = 8;
const HEADER_BYTES = 1 + ID_BYTES;
const ENC_BYTES = 32;
const KEM = bytesOf("KEM", 0x00, 0x20);
const HPKE = bytesOf("HPKE", 0x00, 0x20, 0x00, 0x01, 0x00, 0x02);
const PKCS8 = Uint8Array.from([0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x6e, 4, 0x22, 4, 0x20]);
const BASE_POINT = Uint8Array.from([9, ...new Uint8Array(31)]);
const NOTHING = new Uint8Array();

export const ITEM_KEY = bytesOf("imprimatur item key");
export const wordsOf = (context) => join(bytesOf("imprimatur text"), [0], bytesOf(context));

export class KeyError extends Error {}

// The private keys of a key file's text: a map from the id, in hexadecimal, to what opens with it.
export async function readKeys(text) {
  const keys = new Map();
  for (const line of text.split("\n").map((each) => each.trim())) {
    if (!line || line.startsWith("#")) continue;
    const [label, id, encoded, more] = line.split(/\s+/);
    if (label !== LABEL || !encoded || more) throw new KeyError("This is not a private key file.");
    const key = await crypto.subtle.importKey("pkcs8", join(PKCS8, fromBase64(encoded)), "X25519", false, ["deriveBits"]);
    const publicKey = await agree(key, BASE_POINT);
    const known = hex(new Uint8Array(await crypto.subtle.digest("SHA-256", publicKey)).subarray(0, ID_BYTES));
    if (known !== id) throw new KeyError("The key is not the one its id names: the line was mistyped or cut.");
    keys.set(id, { key, publicKey });
  }
  if (keys.size === 0) throw new KeyError("There is no key in this file.");
  return keys;
}

// What was wrapped for this purpose, in bytes.
export async function open(wrapped, keys, purpose) {
  const header = wrapped.subarray(0, HEADER_BYTES);
  const pair = keys.get(hex(header.subarray(1)));
  if (header[0] !== 1 || !pair) throw new KeyError("It is sealed to another key than this file holds.");
  const enc = wrapped.subarray(HEADER_BYTES, HEADER_BYTES + ENC_BYTES);
  const shared = await sharedSecret(await agree(pair.key, enc), join(enc, pair.publicKey));
  const { key, nonce } = await schedule(shared, join(header, purpose));
  try {
    const body = wrapped.subarray(HEADER_BYTES + ENC_BYTES);
    return new Uint8Array(await crypto.subtle.decrypt({ name: "AES-GCM", iv: nonce }, key, body));
  } catch {
    throw new KeyError("It does not open: changed, cut short, or of another purpose.");
  }
}

export function fromBase64(text) {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}

export function toBase64(bytes) {
  return btoa(String.fromCharCode(...bytes));
}

async function agree(privateKey, publicBytes) {
  const publicKey = await crypto.subtle.importKey("raw", publicBytes, "X25519", true, []);
  return new Uint8Array(await crypto.subtle.deriveBits({ name: "X25519", public: publicKey }, privateKey, 256));
}

async function sharedSecret(agreed, context) {
  return expand(await extract(KEM, NOTHING, "eae_prk", agreed), KEM, "shared_secret", context, 32);
}

async function schedule(shared, info) {
  const pskHash = await extract(HPKE, NOTHING, "psk_id_hash", NOTHING);
  const infoHash = await extract(HPKE, NOTHING, "info_hash", info);
  const context = join([0], pskHash, infoHash);
  const secret = await extract(HPKE, shared, "secret", NOTHING);
  const raw = await expand(secret, HPKE, "key", context, 32);
  return {
    key: await crypto.subtle.importKey("raw", raw, "AES-GCM", false, ["decrypt"]),
    nonce: await expand(secret, HPKE, "base_nonce", context, 12),
  };
}

// LabeledExtract and LabeledExpand of RFC 9180, section 4; no output here is longer than one block of the hash.
function extract(suite, salt, label, input) {
  return hmac(salt.length ? salt : new Uint8Array(32), join(bytesOf("HPKE-v1"), suite, bytesOf(label), input));
}

async function expand(secret, suite, label, info, length) {
  const labeled = join([0, length], bytesOf("HPKE-v1"), suite, bytesOf(label), info, [1]);
  return (await hmac(secret, labeled)).subarray(0, length);
}

async function hmac(key, data) {
  const imported = await crypto.subtle.importKey("raw", key, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  return new Uint8Array(await crypto.subtle.sign("HMAC", imported, data));
}

function bytesOf(text, ...rest) {
  return join(new TextEncoder().encode(text), rest);
}

function join(...parts) {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

function hex(bytes) {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
