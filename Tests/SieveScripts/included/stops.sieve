keep; stop; discard;
