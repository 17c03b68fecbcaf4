require "variables";
set "x" "aaaaaaaaaaaaaaaa";
set "x" "${x}${x}";
set "x" "${x}${x}";
set "x" "${x}${x}";
set "x" "${x}${x}";
set "x" "${x}${x}";
set "x" "${x}${x}";
set "x" "${x}${x}";
set "half" "${x}";
set "x" "${x}${x}";
if string :matches "${x}" "*${half}b" { discard; }
if string :matches "${x}" "*${half}b" { discard; }
if string :matches "${x}" "*${half}b" { discard; }
if string :matches "${x}" "*${half}b" { discard; }
