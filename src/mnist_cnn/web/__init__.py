"""The web app without a server: a folder of static files in which the model runs in the browser."""
