require "editheader";
addheader "X-:" "x";
deleteheader "a b";
deleteheader :last "x";
