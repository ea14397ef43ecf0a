// What every page needs: theme, navigation, finder, confirmation, copying, fresh times, live fragments.
// No dependency but htmx (for swapping fragments the server renders); no inline code anywhere.

const $ = (selector, root = document) => root.querySelector(selector);
const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];
const announce = (text) => { const box = $("#announce"); if (box) box.textContent = text; };

// Theme: a cookie, so that the server renders the choice and nothing flashes.
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-theme-set]");
  if (!button) return;
  const theme = button.dataset.themeSet;
  const age = theme ? 31536000 : 0;
  document.cookie = `strongroom_theme=${theme}; Path=/; Max-Age=${age}; SameSite=Lax`;
  if (theme) document.documentElement.dataset.bsTheme = theme;
  else delete document.documentElement.dataset.bsTheme;
  $$("[data-theme-set]").forEach((other) => other.setAttribute("aria-pressed", String(other === button)));
  const shown = button.querySelector("use")?.getAttribute("href");
  button.closest("details")?.querySelector("summary use")?.setAttribute("href", shown);
  document.dispatchEvent(new CustomEvent("sr:theme"));
});

// Off-canvas navigation.
const side = $("#side");
function setNav(open) {
  if (!side) return;
  side.classList.toggle("is-open", open);
  $("[data-nav-toggle]")?.setAttribute("aria-expanded", String(open));
  $(".sr-scrim")?.remove();
  if (open) {
    const scrim = document.createElement("button");
    scrim.type = "button";
    scrim.className = "sr-scrim";
    scrim.setAttribute("aria-label", "Close the menu");
    scrim.addEventListener("click", () => setNav(false));
    side.after(scrim);
    $("a", side)?.focus();
  }
}
$("[data-nav-toggle]")?.addEventListener("click", () => setNav(!side.classList.contains("is-open")));

// Menus close on a click elsewhere and on Escape.
document.addEventListener("click", (event) => {
  $$("details.sr-menu[open]").forEach((menu) => { if (!menu.contains(event.target)) menu.open = false; });
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  $$("details.sr-menu[open]").forEach((menu) => { menu.open = false; $("summary", menu)?.focus(); });
  if (side?.classList.contains("is-open")) { setNav(false); $("[data-nav-toggle]")?.focus(); }
});

// Finder: Ctrl-K or /, arrows, Enter.
const finder = $("#finder");
const finderInput = $("#finder-q");
function openFinder() {
  if (!finder || finder.open) return;
  finder.showModal();
  finderInput.select();
  window.htmx?.trigger(finderInput, "sr:open");
}
document.addEventListener("click", (event) => { if (event.target.closest("[data-finder]")) openFinder(); });
document.addEventListener("keydown", (event) => {
  const typing = event.target.closest?.("input, textarea, select, [contenteditable]");
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") { event.preventDefault(); openFinder(); }
  else if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) { event.preventDefault(); openFinder(); }
});
// A pasted document is sent as a form to the page that says what it is: it never stands in an address.
const LONG = 60;
function identify(text) {
  const form = $("#finder-paste");
  if (!form || !text.trim()) return;
  $("textarea", form).value = text;
  form.requestSubmit();
}
finderInput?.addEventListener("paste", (event) => {
  const text = event.clipboardData?.getData("text/plain") ?? "";
  if (text.trim().length < LONG || !$("#finder-paste")) return;
  event.preventDefault();
  identify(text);
});
finderInput?.addEventListener("htmx:configRequest", (event) => {
  if (finderInput.value.length >= LONG && $("#finder-paste")) event.preventDefault();
});
finder?.addEventListener("click", (event) => { if (event.target === finder) finder.close(); });
finderInput?.addEventListener("keydown", (event) => {
  const hits = $$("#finder-hits li a");
  const at = hits.findIndex((hit) => hit.parentElement.classList.contains("is-on"));
  if (event.key === "Enter") {
    event.preventDefault();
    if (hits.length) (hits[at] ?? hits[0]).click();
    else identify(finderInput.value);
    return;
  }
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!step || !hits.length) return;
  event.preventDefault();
  hits.forEach((hit) => { hit.parentElement.classList.remove("is-on"); hit.parentElement.setAttribute("aria-selected", "false"); });
  const next = hits[(at + step + hits.length) % hits.length];
  next.parentElement.classList.add("is-on");
  next.parentElement.setAttribute("aria-selected", "true");
  finderInput.setAttribute("aria-activedescendant", next.parentElement.id);
  next.scrollIntoView({ block: "nearest" });
});
document.addEventListener("htmx:afterSwap", (event) => {
  if (event.target.id !== "finder-hits") return;
  const first = $("#finder-hits [role=option]");
  if (first) finderInput.setAttribute("aria-activedescendant", first.id);
  else finderInput.removeAttribute("aria-activedescendant");
});

// Confirmation: a form with data-confirm says what is lost and may ask for the object's name.
let awaiting = null;
const dialog = $("#confirm");
document.addEventListener("submit", (event) => {
  const form = event.target;
  const asks = event.submitter?.dataset.confirm ? event.submitter : form;
  if (form.dataset.confirmed === "yes") { delete form.dataset.confirmed; busy(form, event.submitter); return; }
  if (!asks.dataset.confirm || !dialog) { busy(form, event.submitter); return; }
  event.preventDefault();
  event.stopPropagation();
  awaiting = { form, submitter: event.submitter };
  $("#confirm-title").textContent = asks.dataset.confirm;
  const lost = $("#confirm-lost");
  lost.hidden = !asks.dataset.lost;
  lost.textContent = asks.dataset.lost ?? "";
  const want = asks.dataset.confirmName ?? "";
  $("#confirm-name-field").hidden = !want;
  $("#confirm-want").textContent = want;
  $("#confirm-name").value = "";
  const yes = $("[data-confirm-yes]");
  // What only moves things on is asked about, but not painted as a loss.
  const moves = asks.dataset.confirmTone === "warn";
  lost.classList.toggle("is-warn", moves);
  yes.classList.toggle("btn-danger", !moves);
  yes.classList.toggle("btn-primary", moves);
  yes.disabled = Boolean(want);
  yes.textContent = asks.dataset.confirmDo ?? "Go on";
  $("[data-confirm-no]").textContent = asks.dataset.confirmKeep ?? "Cancel";
  dialog.showModal();
  (want ? $("#confirm-name") : $("[data-confirm-no]")).focus();
}, true);
$("#confirm-name")?.addEventListener("input", (event) => {
  $("[data-confirm-yes]").disabled = event.target.value !== $("#confirm-want").textContent;
});
$("#confirm-name")?.addEventListener("keydown", (event) => {
  if (event.key === "Enter") { event.preventDefault(); $("[data-confirm-yes]").click(); }
});
$("[data-confirm-no]")?.addEventListener("click", () => dialog.close());
$("[data-confirm-yes]")?.addEventListener("click", () => {
  const { form, submitter } = awaiting ?? {};
  dialog.close();
  if (!form) return;
  form.dataset.confirmed = "yes";
  const name = form.querySelector("[name=confirm_name]");
  if (name) name.value = $("#confirm-want").textContent;
  form.requestSubmit(submitter ?? undefined);
});

// One submission is enough.
function busy(form, submitter) {
  if (form.method !== "post" || form.dataset.many !== undefined || form.hasAttribute("hx-post")) return;
  setTimeout(() => {
    const button = submitter ?? $("button[type=submit]", form);
    if (button) { button.disabled = true; button.setAttribute("aria-busy", "true"); }
  }, 0);
}
window.addEventListener("pageshow", () => $$("[aria-busy=true][disabled]").forEach((button) => { button.disabled = false; button.removeAttribute("aria-busy"); }));

// Small helpers in the markup.
document.addEventListener("change", (event) => { if (event.target.matches("[data-submit]")) event.target.form.requestSubmit(); });
document.addEventListener("click", async (event) => {
  const target = event.target;
  if (target.closest("[data-back]")) history.back();
  if (target.closest("[data-print]")) window.print();
  const copy = target.closest("[data-copy]");
  if (copy) {
    const source = $(copy.dataset.copy);
    try {
      await navigator.clipboard.writeText(source.textContent);
    } catch {
      const range = document.createRange();
      range.selectNodeContents(source);
      getSelection().removeAllRanges();
      getSelection().addRange(range);
      document.execCommand("copy");
    }
    const label = copy.lastChild;
    const before = label.textContent;
    label.textContent = " Copied";
    announce("Copied");
    setTimeout(() => { label.textContent = before; }, 1600);
  }
  const save = target.closest("[data-save]");
  if (save) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([$(save.dataset.save).textContent], { type: "text/plain" }));
    link.download = save.dataset.saveName;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  }
});

// A text file chosen (or dropped) fills the text area beside it; the file itself is not sent.
function readInto(input, file) {
  const area = $(input.dataset.readInto);
  if (!area || !file) return;
  if (file.size > 1048576) { announce("This file is larger than a value can be."); area.value = ""; area.placeholder = "This file is larger than a value can be (1 MB)."; return; }
  file.text().then((text) => { area.value = text.replace(/^\uFEFF/, ""); area.dispatchEvent(new Event("input", { bubbles: true })); announce(`${file.name} read`); area.focus(); });
}
document.addEventListener("change", (event) => {
  if (event.target.matches("[data-read-into]")) { readInto(event.target, event.target.files[0]); event.target.value = ""; }
});
document.addEventListener("dragover", (event) => { const zone = event.target.closest?.(".sr-drop"); if (zone) { event.preventDefault(); zone.classList.add("is-over"); } });
document.addEventListener("dragleave", (event) => event.target.closest?.(".sr-drop")?.classList.remove("is-over"));
document.addEventListener("drop", (event) => {
  const zone = event.target.closest?.(".sr-drop");
  if (!zone) return;
  event.preventDefault();
  zone.classList.remove("is-over");
  const input = $("input[type=file]", zone);
  if (input.dataset.readInto) readInto(input, event.dataTransfer.files[0]);
  else { input.files = event.dataTransfer.files; input.dispatchEvent(new Event("change", { bubbles: true })); }
});

// Relative times stay true.
const UNITS = [[90, 1, "s"], [5400, 60, "min"], [172800, 3600, "h"], [Infinity, 86400, "days"]];
function freshen(root = document) {
  $$("time[data-relative]", root).forEach((time) => {
    const seconds = (Date.now() - Date.parse(time.dateTime)) / 1000;
    const away = Math.abs(seconds);
    const [, divisor, unit] = UNITS.find(([limit]) => away < limit);
    const text = `${Math.round(away / divisor)} ${unit}`;
    const words = seconds > -5 && seconds < 10 ? "just now" : seconds < 0 ? `in ${text}` : `${text} ago`;
    if (time.textContent !== words) time.textContent = words;
  });
}
setInterval(freshen, 15000);

// On a phone rows become cards: each cell then shows its column's head.
function label(root = document) {
  $$("table.sr-table", root).forEach((table) => {
    const heads = $$("thead th", table).map((head) => head.textContent.trim());
    $$("tbody tr", table).forEach((row) => [...row.children].forEach((cell, place) => { cell.dataset.label = heads[place] ?? ""; }));
  });
}
label();

// Steps that do not fit scroll to the present one.
$$("[aria-current=step]").forEach((step) => { const row = step.parentElement; row.scrollLeft = step.offsetLeft - row.clientWidth / 2 + step.clientWidth / 2; });

// Live fragments: the job row changed, so fetch what shows it. Polling stands in while there is no stream.
// An element says what it shows by data-live="jobs" or data-live="job:<id>"; the change arrives as sr:changed.
const waiting = new Map();
function touched(field) {
  if (field.type === "checkbox" || field.type === "radio") return field.checked !== field.defaultChecked;
  if (field.tagName !== "SELECT") return field.type !== "hidden" && field.value !== field.defaultValue;
  const first = [...field.options].find((option) => option.defaultSelected) ?? field.options[0];
  return field.multiple ? [...field.options].some((option) => option.selected !== option.defaultSelected) : field.selectedOptions[0] !== first;
}
// What a person is filling in, has opened or selected, or is asked about is not pulled away from under them.
function inUse(element) {
  if (document.querySelector("dialog[open]:not(#finder)")) return true;
  if (element.matches(":has(:is(input, textarea, select):focus), :has(details.sr-more[open], details.sr-call[open])")) return true;
  if ($$("input, textarea, select", element).some(touched)) return true;
  const selection = document.getSelection();
  return !selection.isCollapsed && element.contains(selection.anchorNode);
}
function touch(element) {
  if (waiting.has(element)) return;
  waiting.set(element, setTimeout(() => {
    waiting.delete(element);
    if (!element.isConnected) return;
    if (element.dataset.liveWhen === "open" && !element.closest("details")?.open) return;
    if (inUse(element)) { setTimeout(() => touch(element), 1500); return; }
    window.htmx?.trigger(element, "sr:changed");
  }, element.id === "page" ? 700 : 150));
}
function changed(id) {
  $$("[data-live]").forEach((element) => {
    const wants = element.dataset.live.split(" ");
    if (wants.includes("jobs") || (id === null ? true : wants.includes(`job:${id}`))) touch(element);
  });
}
let streaming = false;
const stream = document.body.dataset.stream;
if (stream && window.EventSource && $("[data-live]")) {
  const source = new EventSource(stream);
  source.addEventListener("open", () => { streaming = true; });
  source.addEventListener("error", () => { streaming = false; });
  source.addEventListener("job", (event) => {
    const { id, state } = JSON.parse(event.data);
    changed(id);
    if (state === "done" || state === "failed") announce(`A task is ${state}`);
  });
  window.addEventListener("pagehide", () => source.close());
  window.addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
}
let ticks = 0;
setInterval(() => { ticks += 1; if (!document.hidden && (!streaming || ticks % 4 === 0)) changed(null); }, 2500);

document.addEventListener("htmx:afterSwap", (event) => {
  freshen();
  label();
  const next = event.detail.xhr?.getResponseHeader("X-Strongroom-Go");
  if (next) location.assign(next);
});
document.addEventListener("htmx:responseError", (event) => {
  const { xhr } = event.detail;
  if (event.detail.requestConfig?.verb === "get") return;
  const box = document.createElement("template");
  box.innerHTML = xhr.responseText;
  $("#main")?.prepend(box.content);
});
document.addEventListener("htmx:beforeOnLoad", (event) => {
  if (event.detail.xhr.status === 401 || event.detail.xhr.responseURL.includes("/accounts/login")) location.reload();
});
