// Passkeys: asks the browser for an answer and sends it with a form. Only on the pages that have such a form.
// Where the person is not known (data-ask, the sign-in page), the browser also offers them in the login field.
(() => {
  "use strict";

  const form = document.querySelector("form[data-passkey]");
  if (!form) return;
  const kind = form.dataset.passkey; // "create" or "get"
  const field = form.elements.credential;
  const button = form.querySelector("[data-passkey-ask]");
  const alone = form.dataset.ask;
  const say = (name) => {
    const word = form.querySelector(`[data-passkey-word=${name}]`);
    if (word) form.querySelector("[data-passkey-say]").textContent = word.textContent;
    else form.hidden = true; // the page is as it is without passkeys
  };

  if (window.top !== window.self) return say("framed");
  if (!isSecureContext || !window.PublicKeyCredential) return say("missing");
  button.hidden = false;

  const toBytes = (text) => {
    const plain = atob(text.replace(/-/g, "+").replace(/_/g, "/"));
    return Uint8Array.from(plain, (char) => char.charCodeAt(0));
  };
  const toText = (buffer) =>
    btoa(String.fromCharCode(...new Uint8Array(buffer)))
      .replace(/\+/g, "-")
      .replace(/\//g, "_")
      .replace(/=+$/, "");

  // A challenge is good for five minutes. One that waits here is replaced before that.
  const FRESH = 240_000;
  let held = { at: -FRESH };

  async function fresh() {
    if (performance.now() - held.at < FRESH) return held.text;
    const answer = await fetch(alone);
    if (!answer.ok) throw new Error(answer.status);
    held = { text: await answer.text(), at: performance.now() };
    return held.text;
  }

  async function asked() {
    const options = JSON.parse(alone ? await fresh() : form.dataset.options);
    options.challenge = toBytes(options.challenge);
    if (options.user) options.user.id = toBytes(options.user.id);
    for (const list of [options.excludeCredentials, options.allowCredentials]) {
      for (const known of list ?? []) known.id = toBytes(known.id);
    }
    return options;
  }

  function answered(credential) {
    const response = {};
    for (const part of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"]) {
      if (credential.response[part]) response[part] = toText(credential.response[part]);
    }
    if (credential.response.getTransports) response.transports = credential.response.getTransports();
    const { id, type } = credential;
    const clientExtensionResults = credential.getClientExtensionResults();
    return JSON.stringify({ id, rawId: toText(credential.rawId), type, response, clientExtensionResults });
  }

  const WORDS = { AbortError: "cancelled", NotAllowedError: "cancelled", InvalidStateError: "known", SecurityError: "address" };
  let waiting = false;
  let autofill;

  function send(credential) {
    field.value = answered(credential);
    form.requestSubmit(button);
  }

  async function ask() {
    waiting = true;
    autofill?.abort();
    say("waiting");
    try {
      send(await navigator.credentials[kind]({ publicKey: await asked() }));
    } catch (error) {
      say(WORDS[error.name] ?? "failed");
      offer();
    } finally {
      waiting = false;
    }
  }

  async function offer() {
    if (!alone || !(await PublicKeyCredential.isConditionalMediationAvailable?.())) return;
    const mine = (autofill = new AbortController());
    const renew = () => {
      if (waiting || mine.signal.aborted) return;
      if (document.hidden) return document.addEventListener("visibilitychange", renew, { once: true });
      mine.abort();
      offer();
    };
    try {
      const publicKey = await asked();
      setTimeout(renew, held.at + FRESH - performance.now());
      send(await navigator.credentials.get({ publicKey, mediation: "conditional", signal: mine.signal }));
    } catch {
      // Cancelled by the button or a fresh challenge, or no passkey to offer: the password can be used.
    }
  }
  offer();

  // Before app.js, which would treat this as a form that is being sent, and block the real one.
  form.addEventListener(
    "submit",
    (event) => {
      if (field.value || (event.submitter && event.submitter !== button)) return;
      event.preventDefault();
      event.stopImmediatePropagation();
      if (!waiting) ask();
    },
    { capture: true },
  );
  window.addEventListener("pageshow", (event) => {
    if (!event.persisted) return;
    field.value = ""; // what it held was used
    autofill?.abort();
    offer();
  });
})();
