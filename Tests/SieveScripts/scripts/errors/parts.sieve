require ["mime", "foreverypart", "extracttext", "replace", "enclose", "variables"];
if header :anychild "a" "b" { keep; }
if header :type "a" "b" { keep; }
if header :mime :type :subtype "a" "b" { keep; }
if header :mime :param "a" "b" { keep; }
if header :mime :param 1 "a" "b" { keep; }
if exists :anychild "a" { keep; }
if address :mime :type "from" "b" { keep; }
foreverypart;
foreverypart "x" { keep; }
foreverypart true { keep; }
foreverypart :name 1 { keep; }
break;
foreverypart { break :name "x"; }
foreverypart { break "x"; }
extracttext "x";
foreverypart { extracttext; extracttext "a b"; extracttext :first "1" "x"; }
replace;
replace :subject 1 "x";
enclose;
enclose :headers 1 "x";
