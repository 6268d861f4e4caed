document.addEventListener("DOMContentLoaded", () => {
  // the search button's name contains what it shows, "Search Ctrl+K"
  for (const button of document.querySelectorAll(".search-button-field")) {
    button.setAttribute("aria-label", button.textContent.trim().replace(/\s+/g, " "));
  }
  // what scrolls sideways can be reached and scrolled with the keyboard
  for (const box of document.querySelectorAll(".formula, .pst-scrollable-table-container, div.highlight pre")) {
    if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
  }
});
