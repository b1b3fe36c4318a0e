"""Reading files of documents: one module for each format, chosen by the file's suffix."""
