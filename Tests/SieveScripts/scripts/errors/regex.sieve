require ["regex", "comparator-i;ascii-numeric"];
if header :regex "a" "[" { keep; }
if header :regex "a" "(" { keep; }
if header :regex "a" ["ok", "*", "["] { keep; }
if header :regex "a" "x{2,1}" { keep; }
if header :regex :comparator "i;ascii-numeric" "a" "b" { keep; }
if header :regex :is "a" "b" { keep; }
if header :regex "a" { keep; }
if header :regex "a" "[[:nonsense:]]" { keep; }
