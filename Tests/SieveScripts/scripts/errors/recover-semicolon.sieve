keep "a" ) ;
discard "b" , "c";
kepe;
stop ]; frobnicate;
