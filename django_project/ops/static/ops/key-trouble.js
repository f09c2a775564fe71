// Says so when a security key does not answer: django-allauth's script only writes it into the console.
document.addEventListener("allauth.error", (event) => {
  event.preventDefault();
  document.getElementById("key-trouble").hidden = false;
});
