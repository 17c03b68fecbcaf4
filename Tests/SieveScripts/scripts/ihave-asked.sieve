require "ihave";
if anyof (not ihave "copy", false) { stop; }
redirect :copy "ann@one.example";
