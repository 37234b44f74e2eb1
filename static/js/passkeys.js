// Passkeys: asks the browser for what a form has to bring, and sends it. Only on the pages that have such a form.
(() => {
  "use strict";

  const form = document.querySelector("form[data-passkey]");
  if (!form) return;
  const kind = form.dataset.passkey; // "create" or "get"
  const field = form.elements.credential;
  const button = form.querySelector("[data-passkey-ask]");
  const say = (name) => {
    form.querySelector("[data-passkey-say]").textContent = form.querySelector(`[data-passkey-word=${name}]`).textContent;
  };

  if (window.top !== window.self) return say("framed");
  if (!isSecureContext || !window.PublicKeyCredential) return say("missing");
  button.hidden = false;

  const toBytes = (text) => {
    const plain = atob(text.replace(/-/g, "+").replace(/_/g, "/"));
    return Uint8Array.from(plain, (sign) => sign.charCodeAt(0));
  };
  const toText = (buffer) =>
    btoa(String.fromCharCode(...new Uint8Array(buffer)))
      .replace(/\+/g, "-")
      .replace(/\//g, "_")
      .replace(/=+$/, "");

  function asked() {
    const options = JSON.parse(form.dataset.options);
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
    return JSON.stringify({ id: credential.id, rawId: toText(credential.rawId), type: credential.type, response });
  }

  const WORDS = { AbortError: "cancelled", NotAllowedError: "cancelled", InvalidStateError: "known", SecurityError: "address" };
  let waiting = false;

  async function ask() {
    waiting = true;
    say("waiting");
    try {
      field.value = answered(await navigator.credentials[kind]({ publicKey: asked() }));
      form.requestSubmit(button);
    } catch (error) {
      say(WORDS[error.name] ?? "failed");
    } finally {
      waiting = false;
    }
  }

  // Before app.js, which would take this for a form that is being sent, and hold the real one back.
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
    if (event.persisted) field.value = ""; // what it held was used
  });
})();
