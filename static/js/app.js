// Messaging: small improvements on pages that work without them. No dependencies.
(() => {
  "use strict";

  const $ = (selector, root = document) => root.querySelector(selector);
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];

  // --- pop-ups: the server sends <dialog open>; the script makes it modal, so that focus stays inside ----------

  function firstFocus(root) {
    // With a single country the focus begins at the number.
    const fields = all("input:not([type=hidden], [type=radio], [disabled]), select:not([disabled])", root);
    const usual = $("[data-first]:not([disabled])", root); // what was used last: Enter takes it
    return $("[aria-invalid=true]", root) || usual || fields.find((field) => field.options?.length !== 1) || $("h1", root);
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
      if (event.key !== "Escape") return;
      event.preventDefault();
      $("[name=action][value=cancel]", dialog)?.click(); // a pop-up without a way back stays
    });
    dialog.addEventListener("close", show);
    show();
  }

  // --- forms: sent once; a page that comes back from the history is usable again --------------------------------

  function guardForm(form) {
    // The server reports missing fields in the language of the page; the browser would use its own.
    if (!$("altcha-widget, .g-recaptcha", form)) form.noValidate = true;
    form.addEventListener("submit", (event) => {
      if (form.dataset.sentOnce) {
        event.preventDefault();
        return;
      }
      if (!navigator.onLine) {
        event.preventDefault();
        connection.lost();
        return;
      }
      form.dataset.sentOnce = "yes";
      const button = event.submitter;
      setTimeout(() => {
        if (event.defaultPrevented) return release(form);
        button?.classList.add("is-working");
        // Not disabled, because a disabled element loses the focus.
        all("button[type=submit]:not([disabled])", form).forEach((other) => other.setAttribute("aria-disabled", "true"));
        setTimeout(() => form.dataset.sentOnce && showWork(form), 1000);
      });
    });
  }

  // Work that takes longer than a second shows a bar, if the form has one. Its progress is unknown.
  function showWork(form) {
    const place = $("[data-working]", form);
    if (!place || place.firstChild) return;
    const bar = document.createElement("progress");
    bar.ariaHidden = "true"; // the words beside it say it
    place.append(bar, place.dataset.working);
  }

  // The answer may be the next page instead of a redirect to it (twofactor/sign_in/next_page.py).
  function askForTheNextPage(form) {
    const field = document.createElement("input");
    Object.assign(field, { type: "hidden", name: "straight", value: "on" });
    form.append(field);
  }

  function release(form) {
    delete form.dataset.sentOnce;
    all("[aria-disabled]", form).forEach((button) => button.removeAttribute("aria-disabled"));
    all(".is-working", form).forEach((button) => button.classList.remove("is-working"));
    $("[data-working]", form)?.replaceChildren();
  }

  // --- captcha: unlocks the buttons of its form -----------------------------------------------------------------

  function captchaForm(form) {
    const buttons = all("[data-unlock]", form);
    const say = $("[data-captcha-say]", form);
    const word = (name) => $(`[data-captcha-word=${name}]`, form)?.textContent ?? "";
    const set = (done, message) => {
      if (!done && buttons.includes(document.activeElement)) $("input[type=checkbox]", form)?.focus();
      buttons.forEach((button) => (button.disabled = !done));
      if (say && message) say.textContent = message;
    };
    set(Boolean($("[data-captcha-kept]", form))); // solved before, beside a mistake

    $("altcha-widget", form)?.addEventListener("statechange", ({ detail: { state } }) => {
      set(state === "verified", state === "verified" && word("done")); // what goes wrong it says itself
    });

    if ($(".g-recaptcha", form)) {
      const missing = $("[data-captcha-missing]", form);
      // If the operator allows the fallback captcha, the button asks the server for it.
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

  // The self-hosted box: ALTCHA's own element, whose script ran before this one. It gets our texts and its worker, and
  // replaces the row that is shown until then.
  function altchaBox(widget) {
    const { algorithm, lifetime, worker, words } = widget.dataset;
    const missing = isSecureContext ? !window.$altcha && "missing" : "insecure";
    if (missing) {
      $(`[data-captcha-${missing}]`, widget.parentElement).hidden = false;
      return;
    }
    $altcha.i18n.set(document.documentElement.lang.toLowerCase(), JSON.parse(words));
    $altcha.algorithms.set(algorithm, () => new Worker(worker));
    $(".captcha-row", widget).remove();
    let expired = false;
    setTimeout(() => {
      expired = true;
      widget.reset("expired");
    }, lifetime * 1000);
    widget.addEventListener("statechange", ({ detail: { state } }) => {
      if (expired && state === "verifying") location.reload();
    });
  }

  // --- countdown: seconds come from the server; the browser's wall clock is not used ----------------------------

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
        // A phase is announced only near its time: "3 minutes" only near three minutes.
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

  // The wait of a limit, second by second; without this script the page shows about how long it is.
  function waitClock(node) {
    const shown = $("[data-wait-shown]", node.parentElement);
    const tick = () => {
      const left = Math.ceil(Number(node.dataset.waitClock) - sinceServed());
      shown.textContent = left > 0 ? clock(left) : "";
      if (left > 0) return setTimeout(tick, 500);
      node.hidden = true;
      const over = $("[data-wait-over]", node.parentElement);
      over.hidden = false;
      over.classList.remove("visually-hidden");
    };
    tick();
  }

  // --- delivery status of the message, asked every two seconds until it is known ----------------------------------

  function deliveryStatus(node) {
    const text = $("[data-delivery-status-text]", node);
    const until = performance.now() + 180000;
    let asking = new AbortController();
    async function ask() {
      // Not while a form is being sent: its answer may end the journey that is asked about.
      if ($("[data-sent-once]")) return next();
      asking = new AbortController();
      let status;
      try {
        const answer = await fetch(node.dataset.deliveryStatus, { headers: { Accept: "application/json" }, signal: asking.signal });
        status = answer.ok && (await answer.json());
      } catch {
        if (!asking.signal.aborted) connection.lost(); // The next round asks again.
        return next();
      }
      connection.back();
      if (!status) return;
      node.dataset.state = status.state;
      if (text.textContent !== status.text) text.textContent = status.text;
      next();
    }
    const next = () => {
      if (node.dataset.state === "going" && performance.now() < until) setTimeout(ask, 2000);
    };
    document.addEventListener("submit", (event) => event.defaultPrevented || asking.abort());
    next();
  }

  // --- token: digits only, however it was pasted; offered by the phone where the browser can ---------------------

  function tokenField(input) {
    // From a pasted sentence the only run of exactly six digits is taken; the SMS has it twice.
    const clean = (text) => {
      const runs = new Set(text.match(/(?<!\d)\d{6}(?!\d)/g));
      return runs.size === 1 && /[a-z]{4}/i.test(text) ? [...runs][0] : text.replace(/\D/g, "").slice(0, 6);
    };
    const stop = new AbortController();
    // Submitted automatically when complete, once; after a refusal the person submits (WCAG 3.2.2).
    let mayGo = input.getAttribute("aria-invalid") !== "true";

    function take(text) {
      if (text !== input.value) input.value = text;
      if (text.length < 6 || !mayGo) return;
      if (!navigator.onLine) return connection.lost();
      mayGo = false;
      const say = $("[data-say]", input.form);
      if (say) say.textContent = $("[data-say-sending]", input.form).textContent;
      input.form.requestSubmit($("[data-main]", input.form));
    }

    input.addEventListener("paste", (event) => {
      const pasted = event.clipboardData?.getData("text") ?? "";
      const text = clean(pasted);
      if (!text) return;
      // More than one candidate: the person chooses.
      if (/[a-z]{4}/i.test(pasted) && !/^\d{6}$/.test(text)) return;
      event.preventDefault();
      take(text);
    });
    input.addEventListener("input", (event) => event.isComposing || take(clean(input.value)));
    input.addEventListener("compositionend", () => take(clean(input.value)));
    input.form.addEventListener("submit", () => stop.abort());
    if (!("OTPCredential" in window) || !navigator.credentials) return;
    navigator.credentials
      .get({ otp: { transport: ["sms"] }, signal: stop.signal })
      .then((credential) => credential && !input.value && take(clean(credential.code)))
      .catch(() => {}); // Aborted, refused, or no SMS came: the field is still there to type in.
  }

  // --- telephone number: Brazilian ones are spaced as they are typed; the caret stays at its digit ----------------

  function spaced(text) {
    const digits = text.replace(/\D/g, "");
    // Not while a space or a hyphen is being typed, and not for digits that cannot be DDD + number.
    const ours = /^[1-9(][\d\s().-]*\d$/.test(text.trimStart()) && digits.length > 2 && digits.length <= 11;
    if (!ours) return text;
    const area = digits.slice(0, 2);
    const rest = digits.slice(2);
    const first = rest[0] === "9" || rest.length > 8 ? 5 : 4;
    return rest.length > first ? `${area} ${rest.slice(0, first)}-${rest.slice(first)}` : `${area} ${rest}`;
  }

  function phoneField(input) {
    const country = $("[name=country]", input.form);
    const format = () => {
      if (country?.value !== "BR") return;
      const text = spaced(input.value);
      if (text === input.value) return;
      const before = input.value.slice(0, input.selectionStart).replace(/\D/g, "").length;
      input.value = text;
      let at = 0;
      for (let seen = 0; seen < before; at++) if (/\d/.test(text[at])) seen++;
      if (document.activeElement === input) input.setSelectionRange(at, at);
    };
    input.addEventListener("input", (event) => event.isComposing || format());
    country?.addEventListener("change", format);
  }

  // --- connection: shown beside the form, and a form that could not be sent stays as it is -----------------------

  const connection = (() => {
    const box = $("[data-connection]");
    if (!box) return { lost() {}, back() {} };
    const place = () => ($("dialog[data-popup] .popup-card") || $("main") || document.body).prepend(box);
    const show = (state) => {
      if (box.dataset.connection === state) return;
      box.dataset.connection = state;
      place();
      // Emptied and filled, because a live region announces changes only.
      const text = $("[data-connection-text]", box);
      text.textContent = "";
      box.hidden = state === "";
      if (state) setTimeout(() => (text.textContent = $(`[data-connection-word=${state}]`, box).textContent), 50);
    };
    const back = () => {
      if (box.dataset.connection !== "lost") return;
      show("back");
      setTimeout(() => box.dataset.connection === "back" && show(""), 6000);
    };
    window.addEventListener("offline", () => show("lost"));
    window.addEventListener("online", back);
    if (!navigator.onLine) show("lost");
    return { lost: () => show("lost"), back };
  })();

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

  // How long the password is, in words; the server checks whether it is easy to guess.
  function passwordMeter(words) {
    const input = document.getElementById(words.dataset.meterFor);
    const minimum = Number(input?.dataset.meter);
    if (!minimum) return;
    input.addEventListener("input", () => {
      const length = [...input.value.normalize("NFKC")].length;
      words.hidden = !length;
      if (length < minimum) words.textContent = `${words.dataset.short} ${minimum - length}`;
      else words.textContent = length < minimum + 6 ? words.dataset.enough : words.dataset.long;
    });
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

  // After a refused form, Back and Reload load the page again instead of asking whether to send again. A page that
  // answers the form before it has an address of its own, at which it is loaded again.
  const address = $("[data-address]")?.dataset.address ?? location.pathname;
  history.replaceState(history.state, "", address === location.pathname ? location.href : address);

  all("form[data-straight]").forEach(askForTheNextPage);
  all("form[data-once]").forEach(guardForm);
  all("form[data-captcha-form]").forEach(captchaForm);
  all("altcha-widget").forEach(altchaBox);
  all("dialog[data-popup]").forEach(upgradePopup);
  all("[data-countdown]").forEach(countdown);
  all("[data-wait]").forEach(waitToResend);
  all("[data-wait-clock]").forEach(waitClock);
  all("[data-delivery-status^='/']").forEach(deliveryStatus);
  all("[data-token]").forEach(tokenField);
  all("input[type=tel]").forEach(phoneField);
  all("[data-reveal]").forEach(revealPassword);
  all("[data-meter-for]").forEach(passwordMeter);
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
