// Light, dark, or as the system has it. The choice is kept where the browser allows it.

import { isDark } from "./colours.js";

const KEY = "convnet-lesson-theme";

function kept() {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null; // a file opened from disk may have no storage
  }
}

export function startTheme(changed) {
  const choice = kept();
  if (choice) document.documentElement.dataset.theme = choice;
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", changed);
}

export function toggleTheme() {
  const next = isDark() ? "light" : "dark";
  document.documentElement.dataset.theme = next;
  try {
    localStorage.setItem(KEY, next);
  } catch {
    // the choice then lasts as long as the page
  }
}
