// Resumable upload of disk images by tus 1.0 (creation, checksum-free pieces, HEAD to find the offset).
// The server keeps the truth (the offset); this module remembers which file belonged to which upload, so
// that after a reload, a broken line or a sign-in the same file goes on where it stopped.

const box = document.getElementById("uploader");
const list = document.getElementById("upload-list");
const input = document.getElementById("upload-file");
const PIECE = 16 * 1024 * 1024; // one durable segment of the server's spool
const TRIES = [1000, 2000, 5000, 10000, 20000];
const HEADERS = { "Tus-Resumable": "1.0.0" };

const fingerprint = (file) => `strongroom-upload:${file.name}:${file.size}:${file.lastModified}`;
const base64 = (text) => btoa(String.fromCharCode(...new TextEncoder().encode(text)));
function size(bytes) {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let step = 0;
  let amount = bytes;
  while (amount >= 1000 && step < 4) { amount /= 1000; step += 1; }
  return step ? `${amount.toFixed(amount < 100 ? 1 : 0)} ${units[step]}` : `${bytes} B`;
}
function remember(key, value) { try { if (value) localStorage.setItem(key, value); else localStorage.removeItem(key); } catch { /* private window: no resuming */ } }
function recall(key) { try { return localStorage.getItem(key); } catch { return null; } }
const pause = (ms) => new Promise((done) => { setTimeout(done, ms); });

function row(file) {
  const item = document.createElement("li");
  const gap = document.createElement("span");
  const body = document.createElement("div");
  const title = document.createElement("h3");
  const line = document.createElement("p");
  const bar = document.createElement("progress");
  const act = document.createElement("div");
  const stop = document.createElement("button");
  title.textContent = file.name;
  bar.max = 100;
  bar.value = 0;
  bar.setAttribute("aria-label", `Upload of ${file.name}`);
  stop.type = "button";
  stop.className = "btn btn-sm";
  stop.textContent = "Pause";
  act.className = "sr-chain-act";
  act.append(stop);
  body.append(title, bar, line);
  item.append(gap, body, act);
  list.append(item);
  return { item, line, bar, stop };
}

class Refused extends Error {}

async function answer(response) {
  if (response.ok) return response;
  let text = "";
  try {
    const problem = await response.json();
    text = [problem.title, problem.next_step ?? problem.detail].filter(Boolean).join(" ");
  } catch { text = `The unit answered ${response.status}.`; }
  if (response.status >= 500 || response.status === 423 || response.status === 429) throw new Error(text);
  if (response.status === 409) throw new Error(text);
  throw new Refused(response.status === 401 || response.redirected ? "You are signed out. Sign in again and choose the same file: it goes on where it stopped." : text);
}

async function begin(file) {
  const known = recall(fingerprint(file));
  if (known) {
    const head = await fetch(known, { method: "HEAD", headers: HEADERS });
    if (head.ok) return { url: known, offset: Number(head.headers.get("Upload-Offset")) };
    if (head.status !== 404 && head.status !== 410) await answer(head);
    remember(fingerprint(file), null);
  }
  const made = await answer(await fetch(box.dataset.endpoint, {
    method: "POST",
    headers: { ...HEADERS, "Upload-Length": String(file.size), "Upload-Metadata": `filename ${base64(file.name)}` },
  }));
  const url = new URL(made.headers.get("Location"), location.href).pathname;
  remember(fingerprint(file), url);
  return { url, offset: 0, fresh: true };
}

// The upload becomes a virtual image at once; it is sealed when the last byte is durable.
async function take(url, file) {
  const form = new FormData();
  form.set("upload", url.split("/").filter(Boolean).pop());
  form.set("name", file.name.replace(/\.(img|raw|qcow2|iso)$/i, ""));
  form.set("csrfmiddlewaretoken", box.dataset.csrf);
  const made = await answer(await fetch(box.dataset.take, { method: "POST", body: new URLSearchParams(form), headers: { "X-CSRFToken": box.dataset.csrf } }));
  return (await made.json()).url;
}

// fetch cannot tell how much of a body has left; XMLHttpRequest can.
function send(url, piece, offset, progress, control) {
  return new Promise((done, fail) => {
    const request = new XMLHttpRequest();
    control.abort = () => request.abort();
    request.open("PATCH", url);
    request.setRequestHeader("Tus-Resumable", "1.0.0");
    request.setRequestHeader("Upload-Offset", String(offset));
    request.setRequestHeader("Content-Type", "application/offset+octet-stream");
    request.upload.addEventListener("progress", (event) => progress(offset + event.loaded));
    request.addEventListener("load", () => {
      if (request.status >= 200 && request.status < 300) { done(Number(request.getResponseHeader("Upload-Offset"))); return; }
      answer(new Response(request.responseText, { status: request.status })).catch(fail);
    });
    request.addEventListener("error", () => fail(new Error("The line broke.")));
    request.addEventListener("abort", () => fail(new Error("paused")));
    request.send(piece);
  });
}

async function upload(file) {
  const shown = row(file);
  const control = { paused: false, abort: () => {} };
  shown.stop.addEventListener("click", () => {
    control.paused = !control.paused;
    shown.stop.textContent = control.paused ? "Go on" : "Pause";
    if (control.paused) control.abort();
  });
  const started = { at: Date.now(), offset: 0 };
  const progress = (offset) => {
    shown.bar.value = file.size ? Math.floor((offset * 100) / file.size) : 100;
    const rate = (offset - started.offset) / Math.max(0.5, (Date.now() - started.at) / 1000);
    const left = rate > 0 ? Math.ceil((file.size - offset) / rate) : 0;
    shown.line.textContent = `${size(offset)} of ${size(file.size)} · ${size(rate)}/s${left > 1 ? ` · ${left < 90 ? `${left} s` : `${Math.round(left / 60)} min`} left` : ""}`;
  };
  let tries = 0;
  let url = null;
  let page = null;
  for (;;) {
    try {
      const at = await begin(file);
      url = at.url;
      if (at.fresh) page = await take(url, file);
      let offset = at.offset;
      started.at = Date.now();
      started.offset = offset;
      progress(offset);
      while (offset < file.size) {
        while (control.paused) { shown.line.textContent = `Paused at ${size(offset)} of ${size(file.size)}`; await pause(300); }
        offset = await send(url, file.slice(offset, offset + PIECE), offset, progress, control);
        tries = 0;
        progress(offset);
      }
      remember(fingerprint(file), null);
      shown.bar.value = 100;
      shown.bar.className = "is-ok";
      shown.line.textContent = "Arrived whole. It is being sealed into the store.";
      shown.stop.remove();
      location.assign(page ?? location.pathname);
      return;
    } catch (error) {
      if (error instanceof Refused) {
        shown.bar.className = "is-bad";
        shown.line.textContent = error.message;
        shown.stop.remove();
        return;
      }
      if (control.paused) { await pause(300); continue; }
      if (tries >= TRIES.length) {
        shown.bar.className = "is-bad";
        shown.line.textContent = `${error.message} What has arrived is kept: choose the same file again to go on.`;
        shown.stop.remove();
        return;
      }
      shown.line.textContent = `${error.message} Going on in ${TRIES[tries] / 1000} s…`;
      await pause(TRIES[tries]);
      tries += 1;
    }
  }
}

window.addEventListener("beforeunload", (event) => {
  if ([...list.querySelectorAll("progress")].some((bar) => bar.value < 100 && !bar.className)) event.preventDefault();
});
input.addEventListener("change", async () => {
  const files = [...input.files];
  input.value = "";
  for (const file of files) await upload(file);
});
