require "variables";
set;
set "a";
set "a" "b" "c";
set 1 "b";
set "a" ["b"];
set "a" 1;
set :lower :upper "a" "b";
set :lowerfirst :upperfirst "a" "b";
set :lower :lower "a" "b";
set "1" "b";
set "a b" "c";
set "" "c";
set "a" "${33}";
set :quoteregex "a" "b";
if string "a" { keep; }
