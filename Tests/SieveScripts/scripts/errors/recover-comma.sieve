if anyof (true, false,) { keep ]; }
if allof (true, , false) { discard; }
if anyof () { stop; }
if header ["a", "b",] "c" { keep; }
kepe;
