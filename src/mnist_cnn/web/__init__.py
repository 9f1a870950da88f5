"""Reading without a server: a folder with a page that reads in the browser, for any host of files."""
