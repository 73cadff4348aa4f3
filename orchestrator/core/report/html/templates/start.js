// Last of all scripts: what the ones before it define is begun.
showTables();
