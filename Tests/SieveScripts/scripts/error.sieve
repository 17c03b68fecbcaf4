require "ihave";
error "my words";
