require "variables";
set "1" "x";
set "a-b" "x";
set :lower :upper "a" "x";
set "ns.a" "x";
set "a" "${other.name}";
set "a" "${100}";
