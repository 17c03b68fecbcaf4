require "regex";
if header :regex "a" "(" { }
if header :regex "a" "*" { }
if header :regex "a" ["[z", "fine"] { }
if header :regex "a" "a{2,1}" { }
