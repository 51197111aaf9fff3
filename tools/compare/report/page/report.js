// Plays the pieces embedded in the page: notes are [start, length, pitch, velocity], times in milliseconds.
(() => {
  "use strict";
  const pieces = JSON.parse(document.getElementById("pieces").textContent);
  const byId = (id) => document.getElementById(id);
  const player = byId("player"), toggle = byId("toggle"), icon = byId("toggle-icon"), seek = byId("seek");
  const kPlay = "M7 4.5v15l12-7.5z", kPause = "M7 5h4v14H7zM13 5h4v14h-4z";
  const kAhead = 0.3;  // seconds of notes that are handed to the audio clock in advance
  document.documentElement.classList.add("js");

  let audio = null, master = null, wave = null;
  let current = null;   // { notes, length, figure, button }
  let origin = 0;       // audio time of the piece's beginning
  let next = 0;         // the first note not yet scheduled
  let paused = 0;       // seconds into the piece, while it is not playing
  let running = false;
  let timer = 0;
  const voices = new Set();

  const clock = (s) => Math.floor(s / 60) + ":" + String(Math.floor(s % 60)).padStart(2, "0");
  const position = () => running ? Math.max(0, audio.currentTime - origin) : paused;

  function open() {
    if (audio) return audio.resume();
    audio = new AudioContext();
    master = audio.createGain();
    master.gain.value = byId("volume").value * 0.5;
    const limiter = audio.createDynamicsCompressor();
    master.connect(limiter).connect(audio.destination);
    // The first partials of a struck string, the higher the weaker.
    const partials = new Float32Array([0, 1, 0.5, 0.28, 0.16, 0.1, 0.06, 0.04]);
    wave = audio.createPeriodicWave(new Float32Array(partials.length), partials);
    return audio.resume();
  }

  // A string is struck, fades, the faster the higher it is, and is damped where its note ends.
  function strike(note) {
    const [start, length, pitch, velocity] = note;
    const at = Math.max(origin + start / 1000, audio.currentTime);
    const end = Math.max(origin + (start + length) / 1000, at + 0.06);
    const gain = audio.createGain(), string = audio.createOscillator();
    const loud = 0.3 * Math.pow(velocity / 127, 1.5);
    string.setPeriodicWave(wave);
    string.frequency.value = 440 * Math.pow(2, (pitch - 69) / 12);
    gain.gain.setValueAtTime(0, at);
    gain.gain.linearRampToValueAtTime(loud, at + 0.005);
    gain.gain.setTargetAtTime(0, at + 0.005, 1.6 * Math.pow(2, (60 - pitch) / 24));
    gain.gain.setTargetAtTime(0, end, 0.07);
    string.connect(gain).connect(master);
    string.start(at);
    string.stop(end + 0.5);
    const voice = { string, gain };
    voices.add(voice);
    string.onended = () => { voices.delete(voice); gain.disconnect(); };
  }

  function silence() {
    for (const { string, gain } of voices) {
      gain.gain.cancelScheduledValues(audio.currentTime);
      gain.gain.setTargetAtTime(0, audio.currentTime, 0.02);
      string.stop(audio.currentTime + 0.15);
    }
    voices.clear();
  }

  function draw() {
    const at = Math.min(position(), current.length);
    current.figure.querySelector(".playhead").style.left = 100 * at / current.length + "%";
    seek.value = at;
    byId("clock").textContent = clock(at) + " / " + clock(current.length);
    seek.setAttribute("aria-valuetext", clock(at) + " of " + clock(current.length));
  }

  function tick() {
    const until = (position() + kAhead) * 1000;
    while (next < current.notes.length && current.notes[next][0] <= until) strike(current.notes[next++]);
    draw();
    if (position() >= current.length + 0.3) stop();
  }

  function show(playing) {
    icon.setAttribute("d", playing ? kPause : kPlay);
    toggle.setAttribute("aria-label", playing ? "Pause" : "Play");
    if (!current) return;
    current.button.querySelector("path").setAttribute("d", playing ? kPause : kPlay);
    current.button.setAttribute("aria-label", (playing ? "Pause " : "Play ") + current.title);
  }

  function play() {
    open();
    origin = audio.currentTime - paused + 0.05;
    next = current.notes.findIndex((note) => note[0] >= paused * 1000 - 1);
    if (next < 0) next = current.notes.length;
    running = true;
    timer = setInterval(tick, 60);
    show(true);
    tick();
  }

  function pause() {
    paused = position();
    running = false;
    clearInterval(timer);
    silence();
    show(false);
  }

  function stop() {
    if (!current) return;
    if (running) pause();
    paused = 0;
    draw();
    current.figure.classList.remove("playing");
    const button = current.button, within = player.contains(document.activeElement);
    player.hidden = true;
    current = null;
    if (within) button.focus();
  }

  function choose(button) {
    const id = button.dataset.piece, figure = button.closest("figure");
    if (current && current.figure === figure) return running ? pause() : play();
    stop();
    const { title, notes } = pieces[id];
    const length = notes.reduce((end, note) => Math.max(end, note[0] + note[1]), 1) / 1000;
    current = { notes, length, figure, button, title };
    figure.classList.add("playing");
    seek.max = length;
    byId("playing").textContent = title;
    player.hidden = false;
    play();
  }

  for (const button of document.querySelectorAll(".play")) button.addEventListener("click", () => choose(button));
  toggle.addEventListener("click", () => running ? pause() : play());
  byId("stop").addEventListener("click", stop);
  byId("volume").addEventListener("input", (event) => { if (master) master.gain.value = event.target.value * 0.5; });
  seek.addEventListener("input", () => {
    const go = running;
    if (go) pause();
    paused = Number(seek.value);
    if (go) play(); else draw();
  });
  // A click into a piece goes there.
  for (const sheet of document.querySelectorAll(".sheet")) {
    sheet.addEventListener("click", (event) => {
      const button = sheet.closest("figure").querySelector(".play");
      if (!current || current.button !== button) choose(button);
      if (running) pause();
      const box = sheet.getBoundingClientRect();
      paused = current.length * (event.clientX - box.left) / box.width;
      play();
    });
  }
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") stop(); });
})();
