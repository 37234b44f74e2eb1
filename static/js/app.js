// Messaging: small improvements on pages that work without them. No dependencies.
(() => {
  "use strict";

  const $ = (selector, root = document) => root.querySelector(selector);
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];

  // --- pop-ups: the server sends <dialog open>; here it becomes modal, so that focus stays inside ---------------

  function firstFocus(root) {
    return (
      $("[aria-invalid=true]", root) ||
      $("input:not([type=hidden], [type=radio], [disabled]), select:not([disabled])", root) ||
      $("h1", root)
    );
  }

  function upgradePopup(dialog) {
    if (!dialog.showModal) return;
    const show = () => {
      dialog.removeAttribute("open");
      dialog.showModal();
      firstFocus(dialog)?.focus();
    };
    dialog.addEventListener("cancel", (event) => event.preventDefault());
    dialog.addEventListener("keydown", (event) => {
      if (event.key === "Escape") event.preventDefault();
    });
    dialog.addEventListener("close", show);
    show();
  }

  // --- forms: sent once; a page that comes back from the history is usable again --------------------------------

  function guardForm(form) {
    form.addEventListener("submit", (event) => {
      if (form.dataset.sentOnce) {
        event.preventDefault();
        return;
      }
      form.dataset.sentOnce = "yes";
      const button = event.submitter;
      // After the browser has read the form: a disabled button would not send its name and value.
      setTimeout(() => {
        if (event.defaultPrevented) return release(form);
        button?.classList.add("is-working");
        for (const other of all("button[type=submit]:not([disabled])", form)) {
          other.disabled = true;
          other.dataset.waiting = "yes";
        }
      });
    });
  }

  function release(form) {
    delete form.dataset.sentOnce;
    for (const button of all("[data-waiting]", form)) {
      button.disabled = false;
      delete button.dataset.waiting;
    }
    all(".is-working", form).forEach((button) => button.classList.remove("is-working"));
  }

  // --- captcha: unlocks the buttons of its form -----------------------------------------------------------------

  function captchaForm(form) {
    const buttons = all("[data-unlock]", form);
    const say = $("[data-captcha-say]", form);
    const word = (name) => $(`[data-captcha-word=${name}]`, form)?.textContent ?? "";
    const set = (done, message) => {
      buttons.forEach((button) => (button.disabled = !done));
      if (say && message) say.textContent = message;
    };
    set(false);

    const widget = $("altcha-widget", form);
    widget?.addEventListener("load", () => {
      const dialog = form.closest("dialog");
      const active = document.activeElement;
      const idle = !active || active === document.body || active === dialog || active.matches("h1");
      if (idle) $("input[type=checkbox]", widget)?.focus();
    });
    widget?.addEventListener("statechange", (event) => {
      const state = event.detail.state;
      set(state === "verified", { verified: word("done"), expired: word("expired") }[state]);
    });

    if ($(".g-recaptcha", form)) {
      const missing = $("[data-captcha-missing]", form);
      // Where the operator has a second door, the button asks the server for it.
      const second = $("[data-captcha-second]", form);
      const failed = () => {
        set(Boolean(second));
        if (second ?? missing) (second ?? missing).hidden = false;
      };
      window.captchaDone = () => {
        if (missing) missing.hidden = true;
        set(true, word("done"));
      };
      window.captchaExpired = () => set(false, word("expired"));
      window.captchaFailed = failed;
      const check = () => setTimeout(() => window.grecaptcha || failed(), 4000);
      document.readyState === "complete" ? check() : window.addEventListener("load", check);
    }
  }

  // --- countdown: seconds come from the server; the browser's wall clock is never asked --------------------------

  const born = performance.getEntriesByType("navigation")[0]?.responseStart || performance.now();
  const sinceServed = () => (performance.now() - born) / 1000;
  const clock = (seconds) => `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;

  function countdown(box) {
    const atLoad = Number(box.dataset.countdown);
    const digits = $("[data-digits]", box);
    const ring = $("[data-ring]", box);
    const lifetime = ring.getAttribute("pathLength");
    const say = $("[data-say]", box);
    const phases = all("[data-say-at]", box).map((node) => [Number(node.dataset.sayAt), node.textContent]);
    let spoken = Infinity;
    let timer = 0;

    function tick() {
      const left = Math.max(0, atLoad - sinceServed());
      const whole = Math.ceil(left);
      digits.textContent = clock(whole);
      ring.setAttribute("stroke-dasharray", `${left.toFixed(2)} ${lifetime}`);
      box.classList.toggle("countdown-low", whole > 0 && whole <= 30);
      const phase = phases.filter(([at]) => whole <= at).pop();
      if (phase && phase[0] < spoken) {
        const first = spoken === Infinity;
        spoken = phase[0];
        // Joining late says nothing untrue: "3 minutes" is spoken only near three minutes.
        if (!first || phase[0] - whole < 10) say.textContent = phase[1];
      }
      if (!whole) end();
    }

    function end() {
      clearInterval(timer);
      box.classList.add("countdown-over");
      const root = box.closest("dialog") || document;
      $("[data-main]", root)?.classList.add("secondary");
      $("[data-resend]", root)?.classList.remove("secondary");
    }

    timer = setInterval(tick, 250);
    setTimeout(tick, 100);
    document.addEventListener("visibilitychange", tick);
  }

  // The pause between two tokens: the server enforces it, the button only shows it.
  function waitToResend(button) {
    const label = $("[data-wait-left]", button);
    const tick = () => {
      const left = Math.ceil(Number(button.dataset.wait) - sinceServed());
      button.disabled = left > 0;
      label.textContent = left > 0 ? clock(left) : "";
      if (left > 0) setTimeout(tick, 500);
    };
    if (Number(button.dataset.wait) > 0) tick();
  }

  // --- fate: what became of the message, asked every two seconds until it is known -------------------------------

  function fate(node) {
    const text = $("[data-fate-text]", node);
    const until = performance.now() + 180000;
    async function ask() {
      try {
        const answer = await fetch(node.dataset.fate, { headers: { Accept: "application/json" } });
        if (!answer.ok) return;
        const told = await answer.json();
        node.dataset.state = told.state;
        if (text.textContent !== told.text) text.textContent = told.text;
      } catch {
        // No connection: the next round asks again.
      }
      next();
    }
    const next = () => {
      if (node.dataset.state === "going" && performance.now() < until) setTimeout(ask, 2000);
    };
    next();
  }

  // --- token: digits only, however it was pasted; offered by the phone where the browser can ---------------------

  function tokenField(input) {
    const clean = (text) => text.replace(/\D/g, "").slice(0, 6);
    input.addEventListener("paste", (event) => {
      const text = clean(event.clipboardData?.getData("text") ?? "");
      if (!text) return;
      event.preventDefault();
      input.value = text;
      input.dispatchEvent(new Event("input", { bubbles: true }));
    });
    input.addEventListener("input", () => {
      const text = clean(input.value);
      if (text !== input.value) input.value = text;
    });
    if (!("OTPCredential" in window) || !navigator.credentials) return;
    const stop = new AbortController();
    input.form.addEventListener("submit", () => stop.abort());
    navigator.credentials
      .get({ otp: { transport: ["sms"] }, signal: stop.signal })
      .then((credential) => {
        if (credential && !input.value) input.value = clean(credential.code);
      })
      .catch(() => {});
  }

  // --- small things ---------------------------------------------------------------------------------------------

  function revealPassword(button) {
    const input = document.getElementById(button.dataset.reveal);
    if (!input) return;
    button.hidden = false;
    button.addEventListener("click", () => {
      const shown = input.type === "password";
      input.type = shown ? "text" : "password";
      button.setAttribute("aria-pressed", String(shown));
    });
    input.form?.addEventListener("submit", () => (input.type = "password"));
  }

  function menu(details) {
    const close = () => (details.open = false);
    document.addEventListener("click", (event) => details.contains(event.target) || close());
    details.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || !details.open) return;
      close();
      $("summary", details).focus();
    });
    details.addEventListener("focusout", (event) => {
      if (event.relatedTarget && !details.contains(event.relatedTarget)) close();
    });
  }

  function tip(box) {
    const open = () => box.classList.remove("tip-closed");
    document.addEventListener("keydown", (event) => {
      if (event.key === "Escape") box.classList.add("tip-closed");
    });
    $("button", box).addEventListener("click", (event) => {
      event.currentTarget.focus();
      open();
    });
    box.addEventListener("mouseleave", open);
    box.addEventListener("focusout", open);
  }

  function sentMessage(node) {
    const token = node.textContent.match(/(?<!\d)\d{6}(?!\d)/)?.[0];
    if (!token) return;
    const list = node.closest("[data-copy]");
    const row = document.createElement("p");
    row.className = "sent-token";
    const digits = document.createElement("strong");
    digits.textContent = token;
    const copy = document.createElement("button");
    copy.type = "button";
    copy.className = "secondary";
    copy.textContent = list.dataset.copy;
    copy.setAttribute("aria-label", `${list.dataset.copy} ${token}`);
    copy.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(token);
        copy.textContent = list.dataset.copied;
        setTimeout(() => (copy.textContent = list.dataset.copy), 2000);
      } catch {
        getSelection().selectAllChildren(digits);
      }
    });
    row.append(digits, copy);
    node.before(row);
  }

  // After a refused form, Back and Reload ask for the page again instead of for a confirmation to send.
  history.replaceState(history.state, "", location.href);

  all("form[data-once]").forEach(guardForm);
  all("form[data-captcha-form]").forEach(captchaForm);
  all("dialog[data-popup]").forEach(upgradePopup);
  all("[data-countdown]").forEach(countdown);
  all("[data-wait]").forEach(waitToResend);
  all("[data-fate]").forEach(fate);
  all("[data-token]").forEach(tokenField);
  all("[data-reveal]").forEach(revealPassword);
  all("details[data-menu]").forEach(menu);
  all("[data-tip]").forEach(tip);
  all("[data-sent]").forEach(sentMessage);
  for (const time of all("time[data-local]")) {
    time.textContent = new Date(time.dateTime).toLocaleTimeString(document.documentElement.lang);
  }

  if (!$("dialog[data-popup]")) $("main [aria-invalid=true]")?.focus();

  window.addEventListener("pageshow", (event) => {
    if (event.persisted) all("form[data-once]").forEach(release);
  });
})();
