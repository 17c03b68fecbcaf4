require ["index", "editheader"];
if header :last "a" "b" { keep; }
if header :index "1" "a" "b" { keep; }
if header :index "a" "b" { keep; }
if exists :index 1 "a" { keep; }
deleteheader :last "a";
if header :index 1 :last "a" "b" { keep; }
