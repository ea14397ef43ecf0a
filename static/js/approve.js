// Approving in the browser: the ticket document is taken apart and digested here, the key file is unlocked
// here by its passphrase, and only the finished signature is sent. Neither the key nor the passphrase has a
// name in any form, and both are forgotten when the page goes. See docs/formats/approval.md and key-file.md.

const $ = (id) => document.getElementById(id);
const utf8 = new TextEncoder();

const b64u = (bytes) => btoa(String.fromCharCode(...new Uint8Array(bytes))).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
function fromB64u(text) {
  if (!/^[A-Za-z0-9_-]*$/.test(text)) throw new Error("not base64url");
  const raw = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(raw, (c) => c.charCodeAt(0));
}
// Canonical JSON: members sorted by code unit, no blanks.
function canonical(value) {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (value && typeof value === "object") {
    return `{${Object.keys(value).sort().map((key) => `${JSON.stringify(key)}:${canonical(value[key])}`).join(",")}}`;
  }
  return JSON.stringify(value);
}
function problem(text) {
  const box = $("sign-problem");
  box.hidden = !text;
  box.textContent = text ?? "";
}
const time = (seconds) => new Date(seconds * 1000).toISOString().replace("T", " ").replace(/\.\d+Z$/, " UTC");

const documentText = $("ticket-document").textContent.trim();
const signed = documentText.slice(0, documentText.lastIndexOf("."));
let ticket = null;
let digest = "";

function line(list, label, text, mono = false) {
  const dt = document.createElement("dt");
  const dd = document.createElement("dd");
  dt.textContent = label;
  dd.textContent = text;
  if (mono) dd.className = "mono";
  list.append(dt, dd);
}
function render(claims) {
  const list = document.createElement("dl");
  list.className = "sr-dl";
  line(list, "Ticket", `${claims.number} (${claims.id})`);
  line(list, "Kind", claims.kind);
  line(list, "Attempt, revision", `${claims.attempt}, ${claims.revision}`);
  line(list, "Reason", claims.reason || "none given");
  line(list, "Customer", `${claims.customer.name} (${claims.customer.id})`);
  line(list, "Appliance", `${claims.appliance.name} (${claims.appliance.id})`);
  line(list, "Keys of unit", `${claims.source.serial}: ${claims.source.ended} on ${time(claims.source.ended_at)}`);
  line(list, "Its identity", claims.source.certificate, true);
  for (const value of claims.values) {
    const origin = value.lodged_at === null ? "from an image header only" : `lodged ${time(value.lodged_at)}`;
    line(list, `Value, epoch ${value.epoch}`, `unit ${value.serial}, ${origin}, key ${value.key_id}`);
    line(list, "Its digest", value.digest, true);
  }
  line(list, "To unit", `${claims.target.serial}, ${claims.target.vault} vault`);
  line(list, "Its identity", claims.target.certificate, true);
  line(list, "Its device key", claims.target.kem_thumbprint, true);
  line(list, "Its request", claims.target.request, true);
  for (const head of claims.heads) line(list, "Newest image", `number ${head.sequence} of ${time(head.made_at)} on target ${head.target}`);
  line(list, "Opened by", `${claims.opened_by.name} (${claims.opened_by.id})`);
  for (const person of claims.edited_by) line(list, "Edited by", `${person.name} (${person.id})`);
  line(list, "Made", time(claims.iat));
  line(list, "Expires", time(claims.exp));
  $("claims").replaceChildren(list);
}
async function open() {
  const [header, payload] = signed.split(".");
  const head = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(fromB64u(header)));
  if (head.typ !== "strongroom-ticket+jws;v=1") throw new Error("This is not a ticket document.");
  ticket = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(fromB64u(payload)));
  render(ticket);
  digest = b64u(await crypto.subtle.digest("SHA-384", utf8.encode(signed)));
  $("digest-here").textContent = digest.match(/.{1,4}/g).join(" ");
  if (digest !== $("ticket-digest").textContent.trim()) {
    problem("The digest computed here is not the one the site names. Do not sign; tell a custodian.");
    $("sign")?.setAttribute("disabled", "");
  }
}
open().catch((error) => { problem(`The document cannot be read: ${error.message}`); $("sign")?.setAttribute("disabled", ""); });

let keyText = "";
$("key-file")?.addEventListener("change", async (event) => {
  const file = event.target.files[0];
  keyText = file && file.size < 65536 ? await file.text() : "";
  $("key-name").textContent = keyText ? file.name : "This is no key file. Choose another.";
});

async function unlock(text, passphrase) {
  let file;
  try {
    file = JSON.parse(text);
  } catch {
    throw new Error("This is no key file: it is not JSON.");
  }
  if (file.typ !== "strongroom-key-file;v=1" || file.use !== "approver" || file.suite !== "es384") throw new Error("This is not an approver's key file.");
  if (file.derivation?.name !== "pbkdf2-hmac-sha256") throw new Error("This key file cannot be opened in a browser. Use the command-line tool.");
  if (file.cipher !== "aes-256-gcm") throw new Error("This key file's cipher is unknown here.");
  const { sealed, ...rest } = file;
  const secret = await crypto.subtle.importKey("raw", utf8.encode(passphrase.normalize("NFC")), "PBKDF2", false, ["deriveKey"]);
  const key = await crypto.subtle.deriveKey(
    { name: "PBKDF2", hash: "SHA-256", salt: fromB64u(file.derivation.salt), iterations: file.derivation.iterations },
    secret, { name: "AES-GCM", length: 256 }, false, ["decrypt"],
  );
  let scalar;
  try {
    scalar = new Uint8Array(await crypto.subtle.decrypt(
      { name: "AES-GCM", iv: fromB64u(file.nonce), additionalData: utf8.encode(canonical(rest)) }, key, fromB64u(sealed),
    ));
  } catch {
    throw new Error("The passphrase does not open this key file.");
  }
  const point = fromB64u(file.public);
  const jwk = { kty: "EC", crv: "P-384", x: b64u(point.slice(1, 49)), y: b64u(point.slice(49, 97)), d: b64u(scalar), ext: false };
  scalar.fill(0);
  const signing = await crypto.subtle.importKey("jwk", jwk, { name: "ECDSA", namedCurve: "P-384" }, false, ["sign"]);
  return { kid: file.kid, signing };
}

$("unlock")?.addEventListener("submit", async (event) => {
  event.preventDefault();
  event.stopImmediatePropagation();
  problem("");
  const passphrase = $("passphrase").value;
  if (!$("read").checked) return problem("Read the document and tick the box first.");
  if (!keyText) return problem("Choose your key file first.");
  const button = $("sign");
  button.disabled = true;
  try {
    const { kid, signing } = await unlock(keyText, passphrase);
    $("passphrase").value = "";
    const header = canonical({ alg: "ES384", kid, typ: "strongroom-approval+jws;v=1" });
    const payload = canonical({
      attempt: ticket.attempt, document: digest, iat: Math.floor(Date.now() / 1000),
      person: $("ticket-person").textContent.trim(), ticket: ticket.id,
    });
    const input = `${b64u(utf8.encode(header))}.${b64u(utf8.encode(payload))}`;
    const signature = await crypto.subtle.sign({ name: "ECDSA", hash: "SHA-384" }, signing, utf8.encode(input));
    keyText = "";
    $("approval").value = `${input}.${b64u(signature)}`;
    $("send").requestSubmit();
  } catch (error) {
    problem(error.message);
    button.disabled = false;
  }
  return undefined;
}, true);
