require ["relational", "comparator-i;ascii-numeric", "variables"];
set "x" "gt";
if header :count "a" "1" { keep; }
if header :count "many" "a" "1" { keep; }
if header :value 1 "a" "1" { keep; }
if header :value "${x}" "a" "1" { keep; }
if header :value "gt" :is "a" "1" { keep; }
if header :value "gt" :count "gt" "a" "1" { keep; }
if header :comparator "i;ascii-numeric" :matches "a" "1" { keep; }
if header :comparator "i;klingon" :value "gt" "a" "1" { keep; }
